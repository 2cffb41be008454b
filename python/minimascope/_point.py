"""What the theory needs of a trained point, and nothing more.

Any object with these attributes and methods can be measured and judged: a model of another framework, a
model on another device, a problem of your own. There is nothing to inherit from.

Notation: n units (examples, or fixed groups of examples that no batch cuts) with losses l_i, P parameters,
K outputs of a unit; f = mean l_i (+ weight decay); H_i is the Hessian of l_i (weight decay included:
+ lambda I); A_i (K x P) with A_i^T A_i the Gauss-Newton matrix of unit i. All arrays are float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
"""Float64 numbers."""

Matrix: TypeAlias = Literal["hessian", "gauss-newton", "second-moment", "variance"]
"""A symmetric P x P matrix of a point: H = mean H_i; G = mean A_i^T A_i (+ lambda I); mean H_i^2;
Sigma = mean H_i^2 - H^2."""

Precision: TypeAlias = Literal["f32", "f64"]
"""The numbers that products are computed in."""


class Facts(NamedTuple):
    """What is known of the point itself."""

    loss: float
    """The mean loss over the units, without weight decay."""
    gradient_norm: float
    """The norm of the gradient of the objective, weight decay included."""
    accuracy: float | None
    """The share of examples classified as labelled; None where there are no classes."""


class Cost(NamedTuple):
    """What one product costs. Zeros are allowed where nothing is known: it is only shown."""

    operations: float
    """Multiply-adds."""
    bytes: int
    """Memory that the point holds while it multiplies, its data included."""


@runtime_checkable
class TrainedPoint(Protocol):
    """A trained point. An exception in any method ends the work and reaches the caller unchanged.

    Methods are called on the thread that called `measure` or `stability`.

    Two methods are optional; without them they are computed from products with A:
    `gram() -> (nK, nK)`, the matrix A A^T with row i*K + k for row k of A_i, and
    `blocks() -> (n, K, K)`, its diagonal blocks A_i A_i^T.

    Two attributes are optional too, for a point that knows its optimiser: `momentum: float`, beta of
    heavy-ball momentum where a question leaves it open, and `remarks: Sequence[str]`, sentences for the
    notes of every answer.
    """

    @property
    def parameters(self) -> int:
        """P."""

    @property
    def units(self) -> int:
        """n."""

    @property
    def outputs(self) -> int:
        """K, the rows of A_i."""

    @property
    def precision(self) -> Precision:
        """The numbers that products are computed in; single precision is fine."""

    @property
    def coupled(self) -> bool:
        """Whether the loss of a unit depends on other units (batch norm in training mode)."""

    @property
    def weight_decay(self) -> float:
        """lambda of the term (lambda/2) |theta|^2 of the objective."""

    def facts(self) -> Facts:
        """Loss, gradient norm and accuracy."""

    def cost(self, matrix: Matrix, /) -> Cost:
        """What a product with `matrix` costs."""

    def product(self, matrix: Matrix, x: Array, /) -> Array:
        """`matrix` x: (P,) from (P,)."""

    def gradient(self) -> Array:
        """The gradient of the objective, (P,), weight decay included."""

    def unit_losses(self) -> Array:
        """l_i, (n,), without weight decay."""

    def factor_product(self, x: Array, /) -> Array:
        """A x: (n*K,) from (P,); entry i*K + k belongs to row k of A_i."""

    def factor_transposed(self, u: Array, /) -> Array:
        """A^T u: (P,) from (n*K,)."""

    def at_units(self, units: Sequence[int], /) -> TrainedPoint:
        """The same parameters with the mean over these units alone."""
