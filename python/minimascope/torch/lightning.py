"""A Lightning callback that runs a tracker. It imports Lightning when it is made, not before."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import PointError
from .tracker import Tracker


def callback(tracker: Tracker) -> Any:
    """A `lightning.pytorch.Callback` that measures after each training batch and at the end closes the
    tracker's sinks. It sees no batch: the tracker has a probe set of its own."""
    base: Any = None
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            base = importlib.import_module(name).Callback
            break
        except ImportError:
            continue
    if base is None:
        raise PointError("the Lightning callback needs Lightning: pip install lightning.")

    class CurvatureCallback(base):  # type: ignore[misc]
        """Runs the tracker after each training step."""

        def on_train_batch_end(
            self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            optimizers = trainer.optimizers
            optimizer = optimizers[0] if len(optimizers) == 1 else None
            tracker.step(trainer.global_step, optimizer=optimizer)

        def on_train_end(self, trainer: Any, module: Any) -> None:
            tracker.close()

    return CurvatureCallback()
