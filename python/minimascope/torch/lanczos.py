"""Leading eigenvalues within a budget of products, from where the last search ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minimascope._point import Array


@dataclass(frozen=True)
class Eigenvalue:
    """λ with its residual ‖Av − λv‖, ‖v‖ = 1: some eigenvalue lies within the residual of λ."""

    value: float
    residual: float
    converged: bool


@dataclass(frozen=True)
class Leading:
    """The largest eigenvalues in descending order, their vectors as rows, the products taken."""

    eigenvalues: list[Eigenvalue]
    vectors: Array
    products: int


def leading(
    product: Callable[[Array], Array],
    start: Array,
    count: int,
    budget: int,
    tolerance: float,
) -> Leading:
    """Lanczos with full orthogonalisation from the sum of the rows of `start`, until `count` pairs have
    a residual below `tolerance`·|λ| or the budget is spent.

    The residual of a Ritz pair is β times the last entry of its vector in the Lanczos basis, which
    holds to rounding while the basis is orthogonal. Starting from the last vectors a few products are
    enough while training moves slowly.
    """
    size = start.shape[1]
    budget = min(budget, size)
    basis = np.empty((budget, size))
    alpha: list[float] = []
    beta: list[float] = []
    vector = start.sum(0)
    vector = vector / np.linalg.norm(vector)
    done = 0
    while True:
        basis[done] = vector
        image = product(vector)
        done += 1
        known = basis[:done]
        alpha.append(float(vector @ image))
        # Twice: once leaves rounding of the size of the removed part.
        for _ in range(2):
            image = image - known.T @ (known @ image)
        norm = float(np.linalg.norm(image))
        values, coordinates = np.linalg.eigh(_tridiagonal(alpha, beta))
        order = np.argsort(values)[::-1][: min(count, done)]
        residuals = norm * np.abs(coordinates[-1, order])
        largest = float(np.abs(values).max())
        close = residuals <= tolerance * np.maximum(np.abs(values[order]), 1e-300)
        exhausted = norm <= 1e-14 * largest * done or norm == 0
        if done == budget or exhausted or (len(order) == count and bool(close.all())):
            found = [
                Eigenvalue(float(values[i]), float(r), bool(c) or exhausted)
                for i, r, c in zip(order, residuals, close, strict=True)
            ]
            vectors = coordinates[:, order].T @ known
            return Leading(found, vectors, done)
        beta.append(norm)
        vector = image / norm


def _tridiagonal(alpha: list[float], beta: list[float]) -> Array:
    return np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1)
