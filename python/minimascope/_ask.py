"""`measure` and `stability`."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias, cast

from minimascope import _native
from minimascope._errors import InputError
from minimascope._held import HeldPoint
from minimascope._machine import Memory, memory_bytes
from minimascope._measurement import Measurement
from minimascope._operators import Operator, OperatorPoint, is_operator
from minimascope._point import Precision, TrainedPoint
from minimascope._progress import Progress, reporting
from minimascope._record import Json
from minimascope._stability import Sampling, Stability

BatchSize: TypeAlias = int | Literal["all"]
"""B, or "all" for gradient descent."""


def measure(
    point: TrainedPoint | Operator,
    *,
    top: int = 0,
    density: bool = False,
    trace: bool = False,
    second_moment: Operator | None = None,
    parameters: int | None = None,
    precision: Precision = "f64",
    tolerance: float | None = None,
    max_products: int | None = None,
    seed: int = 0,
    progress: Progress = None,
) -> Measurement:
    """Sharpness and non-uniformity of a point, and more of its spectrum.

    Args:
        point: a trained point (a `Network`, a point of `minimascope.torch`, any object with the methods of
            `TrainedPoint`), or H alone: an array, an object with `.shape` and `.matvec` or `@`, a function.
        top: so many of the largest eigenvalues of H.
        density: the density of all eigenvalues of H.
        trace: the trace of H.
        second_moment: for H alone: mean H_i^2, of the same kinds. Without it there is no non-uniformity.
        parameters: for functions: P.
        precision: for H alone: the numbers that its products are computed in.
        tolerance: the relative residual that an eigenvalue must reach; 5e-4 if left out.
        max_products: the most products that one eigenvalue may take; 2,000 if left out.
        seed: of the first directions of the eigensolver.
        progress: True or False, a function that is told (kind, text, done, total), or None: a bar on a
            terminal and in a notebook, a line now and then elsewhere.

    Raises:
        InputError: for what has no meaning, in one sentence.
        Exception: whatever the point raises, unchanged.
    """
    asked = as_point(point, second_moment, parameters, precision)
    if top < 0:
        raise InputError(f"top = {top}: give a number from 0")
    missing: dict[str, str | None] = {}
    if isinstance(asked, OperatorPoint):
        missing = {
            "without_facts": asked.without_facts,
            "without_second_moment": asked.without_second_moment,
        }
    with reporting(progress) as report:
        found = _native.measure_point(
            native_or_same(asked),
            question=(top, density, trace),
            budget_numbers=(tolerance, max_products, seed, memory_bytes(None)),
            progress=report,
            **missing,
        )
    return Measurement._of_json(found)


def stability(
    point: TrainedPoint,
    *,
    learning_rate: float | None = None,
    batch_size: BatchSize | None = None,
    momentum: float | None = None,
    sampling: Sampling = "reshuffled-epochs",
    boundary: bool = False,
    attribution: int = 0,
    batch_sharpness: bool = False,
    quick: bool = False,
    tolerance: float | None = None,
    eigenvalue_tolerance: float | None = None,
    max_products: int | None = None,
    seed: int = 0,
    memory: Memory = None,
    progress: Progress = None,
) -> Stability:
    """Which learning rates and batch sizes can stay at a point.

    With `learning_rate` and `batch_size`: does SGD stay there? With `batch_size` alone: up to which
    learning rate? With `learning_rate` alone: from which batch size on? The answer keeps what it learnt of
    the point: `answer.boundary()` and `answer.ask(...)` do not measure it again.

    Args:
        point: a trained point.
        learning_rate: eta.
        batch_size: B, from 1 to the units n, or "all".
        momentum: beta of heavy-ball momentum; that of the point's optimiser where it knows one, else 0.
        sampling: how the optimiser draws its batches. PyTorch's `DataLoader(shuffle=True)` reshuffles
            epochs.
        boundary: thresholds at B = 1, 2, 4, ... n too.
        attribution: so many of the units that make SGD leave.
        batch_sharpness: the curvature along SGD's own steps too.
        quick: neither certificates nor simulations, seconds instead of minutes: a wider bracket.
        tolerance: the exact threshold has settled when twice the directions change it by less than this
            share; 0.01 if left out.
        eigenvalue_tolerance: the relative residual that an eigenvalue must reach; 5e-4 if left out.
        max_products: the most products that one eigenvalue may take; 2,000 if left out.
        seed: of the first directions of the eigensolver.
        memory: bytes (or "4G") for the directions of curvature: with fewer the bracket is wider. Half of
            the machine's if left out, 1 GiB with `quick`.
        progress: as in `measure`.

    Raises:
        InputError: for what has no meaning, in one sentence.
        Exception: whatever the point raises, unchanged.
    """
    asked = as_point(point)
    if isinstance(asked, OperatorPoint):
        raise InputError(
            "a verdict needs the square-root factors A_i of single units, and operators have none: "
            "minimascope.measure gives sharpness and non-uniformity; for thresholds give an object with "
            "the methods of minimascope.TrainedPoint, or minimascope.Factors to minimascope.thresholds"
        )
    question = question_of(
        asked.units,
        learning_rate=learning_rate,
        batch_size=batch_size,
        momentum=getattr(point, "momentum", None) if momentum is None else momentum,
        sampling=sampling,
        boundary=boundary,
        attribution=attribution,
        batch_sharpness=batch_sharpness,
        quick=quick,
        tolerance=tolerance,
    )
    memory = memory_bytes(memory, every_direction=not quick)
    with reporting(progress) as report:
        minimum = _native.PointMinimum(
            native_or_same(asked),
            budget_numbers=(eigenvalue_tolerance, max_products, seed, memory),
            remarks=[str(sentence) for sentence in getattr(point, "remarks", ())],
            progress=report,
        )

    def ask(changed: Json) -> Json:
        text = json.dumps(question_of(asked.units, **changed))
        with reporting(progress) as report:
            return cast(Json, json.loads(minimum.ask(text, progress=report)))

    return Stability(ask(question), ask)


def question_of(units: int, **keys: Any) -> Json:
    """A question as the record has it, checked before anything is measured."""
    question = {key: value for key, value in keys.items() if value is not None}
    if question.get("batch_size") == "all":
        question["batch_size"] = units
    for key in ("learning_rate", "momentum", "tolerance"):
        if key in question:
            question[key] = _number(key, question[key])
    for key in ("batch_size", "attribution"):
        if key in question:
            question[key] = _whole(key, question[key])
    _native.check_question(json.dumps(question), units)
    return question


def _number(key: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{key} = {value!r}: give a number") from None
    # JSON has neither.
    if number != number or number in (float("inf"), float("-inf")):
        raise InputError(f"{key} = {number}: give a finite number")
    return number


def _whole(key: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise InputError(f"{key} = {value!r}: give a whole number") from None
    if number != value or number < 0:
        raise InputError(f"{key} = {value!r}: give a whole number, from 0")
    return number


def as_point(
    point: object,
    second_moment: Operator | None = None,
    parameters: int | None = None,
    precision: Precision = "f64",
) -> TrainedPoint | OperatorPoint:
    """What was given, as a point."""
    if hasattr(point, "factor_product") and hasattr(point, "product"):
        if second_moment is not None or parameters is not None:
            raise InputError("second_moment= and parameters= belong to an operator, not to a trained point")
        return cast(TrainedPoint, point)
    if is_operator(point):
        operator = cast(Operator, point)
        return OperatorPoint(operator, second_moment, parameters=parameters, precision=precision)
    raise InputError(
        f"a {type(point).__name__} is no trained point: give a Network, a point of minimascope.torch, an "
        "object with the methods of minimascope.TrainedPoint, or an operator"
    )


def native_or_same(point: object) -> object:
    """The part that Rust holds, where it holds one."""
    return point._native if isinstance(point, HeldPoint) else point
