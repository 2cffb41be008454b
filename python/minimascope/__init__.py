"""An instrument for the minima that gradient descent finds.

| I want | |
|---|---|
| sharpness, non-uniformity, more of the spectrum | `measure(point)` |
| which learning rates and batch sizes can stay | `stability(point, learning_rate=, batch_size=)` |
| a PyTorch model as a point | `minimascope.torch.point(model, loss, batch)` |
| a network of the engine as a point | `Network(architecture, loss, inputs, targets, parameters)` |
| any other model as a point | an object with the methods of `TrainedPoint` |
| H as an operator of mine | `measure(operator, second_moment=...)` |
| thresholds of my own matrices | `Factors.from_hessians(...)`, `thresholds(factors, batch_size=)` |
| to train with the engine | `run("fashion-mnist-fnn", learning_rate=0.5)`, `open(folder)` |

Results are frozen; they print what they know and how well, `.to_dict()` is the record that docs/records.md
describes, and a notebook shows them with their figure.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minimascope._ask import BatchSize, measure, stability
from minimascope._errors import Error, InputError
from minimascope._factors import Factors, thresholds
from minimascope._figure import Figure
from minimascope._held import DensePoint
from minimascope._measurement import Measurement, RunResult
from minimascope._native import __version__
from minimascope._network import Loss, Network
from minimascope._operators import Operator, OperatorPoint
from minimascope._point import Array, Cost, Facts, Matrix, Precision, TrainedPoint
from minimascope._record import Density, Estimate, Measured
from minimascope._runs import Run, open, run
from minimascope._stability import Sampling, Stability, Verdict
from minimascope._thresholds import Bracket, Threshold, Thresholds

if TYPE_CHECKING:
    from minimascope import torch as torch  # type: ignore[attr-defined, unused-ignore]

__all__ = [
    "Array",
    "BatchSize",
    "Bracket",
    "Cost",
    "DensePoint",
    "Density",
    "Error",
    "Estimate",
    "Factors",
    "Facts",
    "Figure",
    "InputError",
    "Loss",
    "Matrix",
    "Measured",
    "Measurement",
    "Network",
    "Operator",
    "OperatorPoint",
    "Precision",
    "Run",
    "RunResult",
    "Sampling",
    "Stability",
    "Threshold",
    "Thresholds",
    "TrainedPoint",
    "Verdict",
    "__version__",
    "measure",
    "open",
    "run",
    "stability",
    "thresholds",
]

# Imported when first used: they bring another framework.
_LAZY = {"torch": "minimascope.torch", "log": "minimascope.torch.log"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(_LAZY[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
