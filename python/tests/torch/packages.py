"""Packages that a test needs beyond PyTorch."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def needed(name: str) -> Any:
    """The package. Where it is missing the test is skipped and says so, and fails under CI."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        message = f"{name} is missing ({error}): pip install -r python/tests/torch/requirements.txt"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
