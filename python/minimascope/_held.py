"""Points that Rust holds: they implement the protocol, and questions to them run in Rust alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from minimascope._errors import InputError
from minimascope._native import NativePoint
from minimascope._point import Array, Cost, Facts, Matrix, Precision


class HeldPoint:
    """A point that Rust holds."""

    __slots__ = ("_native",)

    def __init__(self, native: NativePoint) -> None:
        self._native = native

    @property
    def parameters(self) -> int:
        """P."""
        return self._native.parameters

    @property
    def units(self) -> int:
        """n."""
        return self._native.units

    @property
    def outputs(self) -> int:
        """K, the rows of A_i."""
        return self._native.outputs

    @property
    def precision(self) -> Precision:
        """The numbers that products are computed in."""
        return self._native.precision

    @property
    def coupled(self) -> bool:
        """False: no unit depends on another."""
        return self._native.coupled

    @property
    def weight_decay(self) -> float:
        """lambda of (lambda/2) |theta|^2."""
        return self._native.weight_decay

    def facts(self) -> Facts:
        """Loss, gradient norm and accuracy."""
        return Facts(*self._native.facts())

    def cost(self, matrix: Matrix, /) -> Cost:
        """What a product with `matrix` costs."""
        return Cost(*self._native.cost(matrix))

    def product(self, matrix: Matrix, x: Array, /) -> Array:
        """`matrix` x: (P,) from (P,)."""
        return self._native.product(matrix, vector(x, "x"))

    def gradient(self) -> Array:
        """The gradient of the objective, (P,), weight decay included."""
        return self._native.gradient()

    def unit_losses(self) -> Array:
        """l_i, (n,), without weight decay."""
        return self._native.unit_losses()

    def factor_product(self, x: Array, /) -> Array:
        """A x: (n*K,) from (P,)."""
        return self._native.factor_product(vector(x, "x"))

    def factor_transposed(self, u: Array, /) -> Array:
        """A^T u: (P,) from (n*K,)."""
        return self._native.factor_transposed(vector(u, "u"))

    def gram(self) -> Array:
        """A A^T, (nK, nK)."""
        return self._native.gram()

    def blocks(self) -> Array:
        """A_i A_i^T, (n, K, K)."""
        return self._native.blocks()

    def at_units(self, units: Sequence[int], /) -> Self:
        """The same parameters with the mean over these units alone."""
        part = object.__new__(type(self))
        part._native = self._native.at_units([int(unit) for unit in units])
        return part

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.parameters:,} parameters, {self.units:,} units, "
            f"{self.outputs} outputs, {self.precision})"
        )


class DensePoint(HeldPoint):
    """The quadratic problem l_i(x) = x^T H_i x/2 with n dense symmetric H_i, at a point x.

    `hessians` is (n, P, P). H_i need not be positive semi-definite; A_i (K = P rows) is the factor of its
    positive part. `at` is x, (P,); the minimum x = 0 if it is left out. Memory: 16 n P^2 bytes.
    """

    __slots__ = ()

    def __init__(self, hessians: ArrayLike, at: ArrayLike | None = None) -> None:
        matrices = matrices_of(hessians)
        size = matrices.shape[1]
        x = np.zeros(size) if at is None else numbers(at, "at")
        if x.shape != (size,):
            raise InputError(f"at has shape {x.shape}: give ({size},), as the Hessians have")
        super().__init__(NativePoint.dense(flat(matrices), x))


def numbers(value: ArrayLike, name: str) -> Array:
    """Float64 numbers of any shape."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is no array of numbers: {error}") from None
    return array


def vector(value: ArrayLike, name: str) -> Array:
    """Float64 numbers one after the other."""
    return flat(numbers(value, name))


def flat(array: Array) -> Array:
    """The numbers of an array one after the other."""
    return np.ascontiguousarray(array).reshape(-1)


def matrices_of(hessians: ArrayLike) -> Array:
    """n square matrices, (n, P, P)."""
    matrices = numbers(hessians, "hessians")
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2]:
        raise InputError(f"hessians has shape {matrices.shape}: give (n, P, P)")
    return matrices
