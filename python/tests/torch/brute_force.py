"""The products of a point by double backward of one unit after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from minimascope.torch import Point
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

Array = NDArray[np.float64]


class BruteForce:
    """H_i v by double backward of one unit alone, with no code of ours: `losses(unit)` gives its loss."""

    def __init__(
        self, parameters: list[Tensor], losses: Callable[[int], Tensor], units: int
    ) -> None:
        self.parameters, self.losses, self.units = parameters, losses, units

    def hessian(self, unit: int, v: Array) -> Array:
        # Fused attention has no second derivative.
        with sdpa_kernel([SDPBackend.MATH]):
            return self._hessian(unit, v)

    def _hessian(self, unit: int, v: Array) -> Array:
        sizes = [p.numel() for p in self.parameters]
        parts = [
            part.view_as(p)
            for part, p in zip(
                torch.as_tensor(v).to(self.parameters[0]).split(sizes), self.parameters, strict=True
            )
        ]
        gradient = torch.autograd.grad(
            self.losses(unit), self.parameters, create_graph=True, allow_unused=True
        )
        terms = [
            (g * part).sum() for g, part in zip(gradient, parts, strict=True) if g is not None
        ]
        total = torch.stack(terms).sum()
        again = torch.autograd.grad(total, self.parameters, allow_unused=True)
        flat = [
            torch.zeros_like(p).flatten() if g is None else g.flatten()
            for g, p in zip(again, self.parameters, strict=True)
        ]
        return torch.cat(flat).detach().double().numpy()

    def mean(self, v: Array) -> Array:
        return np.mean([self.hessian(unit, v) for unit in range(self.units)], axis=0)

    def second_moment(self, v: Array) -> Array:
        found = [self.hessian(unit, self.hessian(unit, v)) for unit in range(self.units)]
        return np.mean(found, axis=0)

    def variance(self, v: Array) -> Array:
        ours = self.mean(v)
        return self.second_moment(v) - self.mean(ours)


def relative(a: Any, b: Any) -> float:
    """‖a − b‖/‖b‖."""
    return float(np.linalg.norm(np.asarray(a) - np.asarray(b)) / np.linalg.norm(np.asarray(b)))


def compare(point: Point, brute: BruteForce, tolerance: float = 1e-9) -> None:
    """H, mean H_i² and Σ of a point against the brute force, on one direction.

    In f64 both sides make a few thousand operations with rounding 1e-16 each, in nested sums whose
    condition is far below 1e4: 1e-9 is the bound that the project asks for, and most come to 1e-14.
    """
    v = np.random.default_rng(1).standard_normal(point.parameters)
    assert relative(point.product("hessian", v), brute.mean(v)) < tolerance
    assert relative(point.product("second-moment", v), brute.second_moment(v)) < tolerance
    assert relative(point.product("variance", v), brute.variance(v)) < tolerance
