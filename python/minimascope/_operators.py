"""A point that is known by operators alone: H and, perhaps, mean H_i^2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np

from minimascope._errors import InputError
from minimascope._point import Array, Cost, Facts, Matrix, Precision


@runtime_checkable
class Multiplies(Protocol):
    """A matrix, or what acts as one: `operator @ x`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(P, P)."""

    def __matmul__(self, x: Any, /) -> Any:
        """The product."""


@runtime_checkable
class HasMatvec(Protocol):
    """What acts as a matrix: `operator.matvec(x)`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(P, P)."""

    def matvec(self, x: Any, /) -> Any:
        """The product."""


Operator: TypeAlias = Multiplies | HasMatvec | Callable[[Array], Any]
"""A symmetric matrix by its products: a numpy array, a SciPy `LinearOperator`, any object with `.shape` and
`.matvec` or `@` that takes a numpy vector, or a function of one."""

_NO_UNITS = (
    "the point is given by operators, which have no {what} of single units: give an object with the "
    "methods of minimascope.TrainedPoint, a Network, or a point of minimascope.torch"
)


class OperatorPoint:
    """A point that is known by H and, perhaps, mean H_i^2 alone.

    It has a sharpness, a spectrum and, with `second_moment`, a non-uniformity; it has no square-root
    factors, hence no thresholds and no verdict. `parameters` is P, for operators that have no `.shape`.
    Products must be those of symmetric matrices. Sigma = mean H_i^2 - H^2 is formed from both, so that its
    rounding is that of mean H_i^2.
    """

    coupled = False
    weight_decay = 0.0
    units = 1
    outputs = 1

    def __init__(
        self,
        hessian: Operator,
        second_moment: Operator | None = None,
        *,
        parameters: int | None = None,
        precision: Precision = "f64",
    ) -> None:
        self.precision: Precision = precision
        self._hessian = hessian
        self._second_moment = second_moment
        sizes = [_size(operator) for operator in (hessian, second_moment) if operator is not None]
        known = {size for size in [*sizes, parameters] if size is not None}
        if not known:
            raise InputError("a function has no shape: give parameters=, the number of parameters")
        if len(known) > 1:
            raise InputError(f"the operators have {' and '.join(map(str, sorted(known)))} parameters: give equal sizes")
        self.parameters = known.pop()

    @property
    def without_facts(self) -> str:
        """Why there is no loss."""
        return "an operator knows no loss: give an object with the methods of minimascope.TrainedPoint"

    @property
    def without_second_moment(self) -> str | None:
        """Why there is no non-uniformity; None where there is one."""
        if self._second_moment is not None:
            return None
        return "it needs mean H_i^2, and H alone was given: give second_moment="

    def product(self, matrix: Matrix, x: Array, /) -> Array:
        """`matrix` x: (P,) from (P,)."""
        if matrix == "hessian":
            return _multiplied(self._hessian, x)
        if matrix == "gauss-newton":
            raise InputError(_NO_UNITS.format(what="Gauss-Newton matrix"))
        if self._second_moment is None:
            raise InputError(f"{matrix}: {self.without_second_moment}")
        moment = _multiplied(self._second_moment, x)
        if matrix == "second-moment":
            return moment
        return moment - _multiplied(self._hessian, _multiplied(self._hessian, x))

    def cost(self, matrix: Matrix, /) -> Cost:
        """Nothing is known of it."""
        return Cost(0.0, 0)

    def facts(self) -> Facts:
        """There are none."""
        raise InputError(self.without_facts)

    def gradient(self) -> Array:
        """There is none."""
        raise InputError(_NO_UNITS.format(what="gradient"))

    def unit_losses(self) -> Array:
        """There are none."""
        raise InputError(_NO_UNITS.format(what="losses"))

    def factor_product(self, x: Array, /) -> Array:
        """There are no factors."""
        raise InputError(_NO_UNITS.format(what="square-root factors"))

    def factor_transposed(self, u: Array, /) -> Array:
        """There are no factors."""
        raise InputError(_NO_UNITS.format(what="square-root factors"))

    def at_units(self, units: Sequence[int], /) -> OperatorPoint:
        """There are no single units."""
        raise InputError(_NO_UNITS.format(what="Hessians"))


def is_operator(value: object) -> bool:
    """Whether something can be taken for a matrix."""
    has_shape = hasattr(value, "shape")
    return (has_shape and (hasattr(value, "matvec") or hasattr(value, "__matmul__"))) or callable(value)


def _size(operator: Operator) -> int | None:
    if not is_operator(operator):
        raise InputError(
            f"a {type(operator).__name__} is no operator: give a matrix, an object with .shape and .matvec "
            "or @, or a function of a vector"
        )
    shape = getattr(operator, "shape", None)
    if shape is None:
        return None
    if len(shape) != 2 or shape[0] != shape[1]:
        raise InputError(f"an operator has shape {tuple(shape)}: give a square one, (P, P)")
    return int(shape[0])


def _multiplied(operator: Operator, x: Array) -> Array:
    if hasattr(operator, "matvec"):
        product = operator.matvec(x)
    elif hasattr(operator, "shape") and hasattr(operator, "__matmul__"):
        product = cast(Multiplies, operator) @ x
    else:
        product = operator(x)
    return np.asarray(product, dtype=np.float64).reshape(-1)
