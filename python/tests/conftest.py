"""Points that the tests share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import minimascope as ms


class NumpyPoint:
    """Least squares l_i = |J_i x - y_i|^2/2 at x, by dense numpy: H_i = J_i^T J_i + lambda I."""

    precision: ms.Precision = "f64"
    coupled = False

    def __init__(
        self, jacobians: ms.Array, targets: ms.Array, at: ms.Array, weight_decay: float = 0.0
    ) -> None:
        self.jacobians, self.targets, self.at = jacobians, targets, at
        self.units, self.outputs, self.parameters = jacobians.shape
        self.weight_decay = weight_decay
        self.calls: list[str] = []

    @property
    def hessians(self) -> ms.Array:
        eye = self.weight_decay * np.eye(self.parameters)
        return np.einsum("nkp,nkq->npq", self.jacobians, self.jacobians) + eye

    def matrix(self, name: ms.Matrix) -> ms.Array:
        hessians = self.hessians
        mean = hessians.mean(axis=0)
        moment = (hessians @ hessians).mean(axis=0)
        dense = {
            "hessian": mean,
            "gauss-newton": mean,
            "second-moment": moment,
            "variance": moment - mean @ mean,
        }
        return dense[name]

    @property
    def residuals(self) -> ms.Array:
        return self.jacobians @ self.at - self.targets

    def facts(self) -> ms.Facts:
        return ms.Facts(self.unit_losses().mean(), float(np.linalg.norm(self.gradient())), None)

    def cost(self, matrix: ms.Matrix) -> ms.Cost:
        return ms.Cost(float(self.jacobians.size), 8 * self.jacobians.size)

    def product(self, matrix: ms.Matrix, x: ms.Array) -> ms.Array:
        self.calls.append(matrix)
        return self.matrix(matrix) @ x

    def gradient(self) -> ms.Array:
        gradient = np.einsum("nkp,nk->p", self.jacobians, self.residuals) / self.units
        return gradient + self.weight_decay * self.at

    def unit_losses(self) -> ms.Array:
        return 0.5 * (self.residuals**2).sum(axis=1)

    def factor_product(self, x: ms.Array) -> ms.Array:
        self.calls.append("factor_product")
        return (self.jacobians @ x).reshape(-1)

    def factor_transposed(self, u: ms.Array) -> ms.Array:
        self.calls.append("factor_transposed")
        return np.einsum("nkp,nk->p", self.jacobians, u.reshape(self.units, self.outputs))

    def at_units(self, units: Sequence[int]) -> NumpyPoint:
        chosen = list(units)
        return type(self)(
            self.jacobians[chosen], self.targets[chosen], self.at, self.weight_decay
        )


def numpy_point(
    units: int = 12, outputs: int = 2, parameters: int = 9, seed: int = 0, **more: float
) -> NumpyPoint:
    """A problem at its exact solution: every residual is 0."""
    draw = np.random.default_rng(seed)
    jacobians = draw.standard_normal((units, outputs, parameters))
    # Units of different size: a non-uniformity to see.
    jacobians *= np.linspace(0.3, 2.0, units)[:, None, None]
    at = draw.standard_normal(parameters)
    return NumpyPoint(jacobians, jacobians @ at, at, **more)


@pytest.fixture
def point() -> NumpyPoint:
    return numpy_point()
