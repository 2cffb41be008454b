"""What is right in which mode of differentiation. The point uses double backward alone, because it is
the one mode that is right for all operations that models use; two exceptions have a form of our own.
"""

from __future__ import annotations

import pytest
import torch
from second_derivatives import MODES, OPERATIONS, judge

# PyTorch 2.15, CPU. What is not listed is right in all modes.
KNOWN = {
    "layer_norm": "right right wrong wrong",
    "instance_norm": "right right wrong wrong",
    "batch_norm, training": "right right wrong wrong",
    "weight_norm": "wrong error error error",
    "softmax": "right right right error",
    "log_softmax": "right right right error",
    "logsumexp": "right right right error",
    "logcumsumexp": "right right right error",
    "cross_entropy": "right right right error",
    "huber_loss": "right error right right",
    "glu": "right right error error",
    "grid_sample": "right error right right",
    "cdist": "right error error error",
    "attention": "error error error error",
    "attention, mathematical": "right right right error",
    "lstm": "right error error right",
    "gru": "right error error right",
    "rnn": "right error error right",
}
REPLACED = {"weight_norm", "attention"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_double_backward_is_right(name: str) -> None:
    found = judge(name)
    if name not in REPLACED:
        assert found["double backward"] == "right"
    if torch.__version__.startswith("2.15"):
        known = KNOWN.get(name, "right right right right").split()
        assert found == dict(zip(MODES, known, strict=True)), "PyTorch changed: say so in docs/python.md"
