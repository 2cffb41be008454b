"""Curvature during training, from any loop."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

import numpy as np
import torch

from minimascope._point import Array, Matrix

from .errors import PointError
from .lanczos import Leading, leading
from .log import Record, Sink, sink
from .optimizers import OptimizerState, read
from .point import Point

Quantity = Literal["loss", "sharpness", "non-uniformity", "trace", "batch-sharpness", "verdict"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
# Batches of one measurement of the batch sharpness, and probes of the trace.
BATCHES = 8
PROBES = 8


class Tracker:
    """Measures a point every so many steps on examples of its own, and writes a record to each sink.

    Call `step(step, optimizer=optimizer)` after each step of the loop. The model is measured in the mode
    in which the point was built, whatever mode the loop leaves it in, and no bit of the training changes:
    random numbers, gradients, modes and flags stay. Each eigenvalue search starts where the last one
    ended and takes at most half of `products` products.

    A record has `step` and, as asked: `loss`, `gradient_norm`, `accuracy`; `sharpness` λ_max(H),
    `sharpness_2` … for `top` > 1, `non_uniformity` √λ_max(Σ), each with `…_residual` (relative) and
    `…_converged`; `trace` and `batch_sharpness` with `…_standard_error`; `verdict` for the loop's own
    η and B; and `learning_rate` where an optimiser is given, `products` spent.
    """

    def __init__(
        self,
        point: Point,
        every: int = 100,
        log: Sink | Callable[[Record], object] | Iterable[Any] = (),
        *,
        quantities: Iterable[Quantity] = ("loss", "sharpness", "non-uniformity"),
        top: int = 1,
        products: int = 40,
        tolerance: float = 1e-2,
        batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        self.quantities = list(dict.fromkeys(quantities))
        for quantity in self.quantities:
            if quantity not in QUANTITIES:
                raise PointError(f"no quantity '{quantity}'; there are {', '.join(QUANTITIES)}.")
        if every < 1 or top < 1 or products < 4:
            raise PointError("every and top must be at least 1, and products at least 4.")
        needs_units = {"non-uniformity", "batch-sharpness", "verdict"} & set(self.quantities)
        if point.coupled and needs_units:
            raise PointError(
                f"{', '.join(sorted(needs_units))} need single examples, and this point couples all of them "
                "(batch norm in training mode); build it with model.eval()."
            )
        if {"batch-sharpness", "verdict"} & set(self.quantities):
            if batch_size is None:
                raise PointError("batch_size= of the loop is needed for the batch sharpness and the verdict.")
            if not 1 <= batch_size <= point.units:
                raise PointError(
                    f"batch_size={batch_size} must be from 1 to the {point.units} units of the probe set."
                )
        if "verdict" in self.quantities:
            _stability()
        self.point = point.with_own_examples()
        self.every, self.top, self.products = every, top, products
        self.tolerance, self.batch_size = tolerance, batch_size
        self._seed = seed
        given = log if isinstance(log, (list, tuple)) else (log,)
        self.sinks: list[Sink] = [sink(each) for each in given]
        self.records: list[dict[str, Any]] = []
        self._starts: dict[Matrix, Array] = {}

    def step(
        self, step: int, optimizer: torch.optim.Optimizer | None = None
    ) -> dict[str, Any] | None:
        """Measures if `step` is a multiple of `every`; gives the record, or nothing."""
        if step % self.every:
            return None
        return self.measure(step, optimizer)

    def measure(
        self, step: int, optimizer: torch.optim.Optimizer | None = None
    ) -> dict[str, Any]:
        """Measures now."""
        record: dict[str, Any] = {"step": step}
        if optimizer is not None:
            record["learning_rate"] = float(optimizer.param_groups[0]["lr"])
        spent = 0
        for quantity in self.quantities:
            spent += self._quantity(quantity, record, optimizer)
        record["products"] = spent
        record = {key: _known(value) for key, value in record.items()}
        self.records.append(record)
        for each in self.sinks:
            each.write(record)
        return record

    def close(self) -> None:
        """Closes the sinks."""
        for each in self.sinks:
            each.close()

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _quantity(
        self, quantity: Quantity, record: dict[str, Any], optimizer: torch.optim.Optimizer | None
    ) -> int:
        if quantity == "loss":
            facts = self.point.facts()
            record["loss"], record["gradient_norm"] = facts.loss, facts.gradient_norm
            if facts.accuracy is not None:
                record["accuracy"] = facts.accuracy
            return 0
        if quantity == "verdict":
            return self._verdict(record, optimizer)
        if not self._finite():
            # A diverged model has no curvature: its loss says so.
            return 0
        if quantity == "sharpness":
            return self._largest("hessian", self.top, "sharpness", record, lambda value: value)
        if quantity == "non-uniformity":
            return self._largest(
                "variance", 1, "non_uniformity", record, lambda value: math.sqrt(max(value, 0.0))
            )
        return self._trace(record) if quantity == "trace" else self._batch_sharpness(record)

    def _finite(self) -> bool:
        return bool(np.isfinite(self.point.unit_losses()).all())

    def _largest(
        self,
        matrix: Matrix,
        count: int,
        name: str,
        record: dict[str, Any],
        shown: Callable[[float], float],
    ) -> int:
        start = self._starts.get(matrix)
        if start is None:
            generator = np.random.default_rng([self._seed, len(matrix)])
            start = generator.standard_normal((1, self.point.parameters))
        found: Leading = leading(
            lambda x: self.point.product(matrix, x), start, count, self.products // 2, self.tolerance
        )
        self._starts[matrix] = found.vectors
        for place, eigenvalue in enumerate(found.eigenvalues):
            key = name if place == 0 else f"{name}_{place + 1}"
            record[key] = shown(eigenvalue.value)
            size = abs(eigenvalue.value)
            record[f"{key}_residual"] = eigenvalue.residual / size if size else 0.0
            record[f"{key}_converged"] = eigenvalue.converged
        return found.products

    def _trace(self, record: dict[str, Any]) -> int:
        # The same probes at each step: differences between steps then carry less noise.
        generator = np.random.default_rng([self._seed, 1])
        values: list[float] = []
        for _ in range(PROBES):
            probe = generator.choice([-1.0, 1.0], self.point.parameters)
            values.append(float(probe @ self.point.product("hessian", probe)))
        _estimate(record, "trace", values)
        return PROBES

    def _batch_sharpness(self, record: dict[str, Any]) -> int:
        """E[gᵀH_B g/‖g‖²] with g the gradient of the same batch."""
        assert self.batch_size is not None
        generator = np.random.default_rng([self._seed, 2])
        values: list[float] = []
        for _ in range(BATCHES):
            batch = generator.choice(self.point.units, self.batch_size, replace=False)
            part = self.point.at_units(sorted(int(unit) for unit in batch))
            gradient = part.gradient()
            size = float(gradient @ gradient)
            if size > 0:
                values.append(float(gradient @ part.product("hessian", gradient)) / size)
        _estimate(record, "batch_sharpness", values)
        # A product with a batch is that share of one with all units.
        return math.ceil(BATCHES * self.batch_size / self.point.units)

    def _verdict(
        self, record: dict[str, Any], optimizer: torch.optim.Optimizer | None
    ) -> int:
        if optimizer is None:
            raise PointError("the verdict needs the loop's optimiser: step(step, optimizer=optimizer).")
        state: OptimizerState = read(optimizer)
        answer = _stability()(
            self.point,
            learning_rate=state.learning_rate,
            batch_size=self.batch_size,
            momentum=state.momentum,
            quick=True,
            progress=False,
        )
        record["verdict"] = str(answer.verdict)
        return 0


def _stability() -> Callable[..., Any]:
    """The judgement of the package; the theory stands in one place."""
    package = importlib.import_module("minimascope")
    found = getattr(package, "stability", None)
    if found is None:
        raise PointError(
            "the verdict needs the compiled package: pip install ./python. Other quantities work without it."
        )
    judge: Callable[..., Any] = found
    return judge


def _estimate(record: dict[str, Any], name: str, values: list[float]) -> None:
    if len(values) < 2:
        return
    record[name] = float(np.mean(values))
    record[f"{name}_standard_error"] = float(np.std(values, ddof=1) / math.sqrt(len(values)))


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
