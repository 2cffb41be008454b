"""A `TrainerCallback` of Hugging Face transformers that runs a tracker."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import PointError
from .tracker import Tracker


def callback(tracker: Tracker) -> Any:
    """A `transformers.TrainerCallback` that measures after each optimiser step and closes the tracker's
    sinks at the end. The trainer passes no batch: the tracker has a probe set of its own."""
    try:
        base: Any = importlib.import_module("transformers").TrainerCallback
    except ImportError as error:
        raise PointError("the callback needs transformers: pip install transformers.") from error

    class CurvatureCallback(base):  # type: ignore[misc]
        """Runs the tracker after each training step."""

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            optimizer = given.get("optimizer")
            # Accelerate wraps it; the rates are those of the optimiser inside.
            tracker.step(state.global_step, optimizer=getattr(optimizer, "optimizer", optimizer))

        def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            tracker.close()

    return CurvatureCallback()
