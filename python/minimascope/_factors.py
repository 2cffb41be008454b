"""Square-root factors of your own matrices, and thresholds from them."""

from __future__ import annotations

import json

from numpy.typing import ArrayLike

from minimascope._ask import BatchSize, question_of
from minimascope._errors import InputError
from minimascope._held import flat, matrices_of, numbers
from minimascope._machine import Memory, memory_bytes
from minimascope._native import NativeFactors
from minimascope._point import Array
from minimascope._progress import Progress, reporting
from minimascope._stability import Sampling
from minimascope._thresholds import Thresholds


class Factors:
    """Square-root factors A_i (K x P) of n positive semi-definite matrices H_i = A_i^T A_i.

    Made by `from_hessians`, `from_gram` or `from_rows`; `thresholds` takes them.
    """

    __slots__ = ("_native",)

    def __init__(self, native: NativeFactors) -> None:
        self._native = native

    @classmethod
    def from_hessians(cls, hessians: ArrayLike) -> Factors:
        """From H_i, (n, P, P), each positive semi-definite. For small P."""
        matrices = matrices_of(hessians)
        units, size, _ = matrices.shape
        return cls(NativeFactors.of_hessians(units, size, flat(matrices)))

    @classmethod
    def from_gram(cls, gram: ArrayLike, *, outputs: int = 1) -> Factors:
        """From the Gram matrix A A^T, (n*K, n*K), whose row i*K + k is that of row k of A_i; K = `outputs`."""
        matrix = numbers(gram, "gram")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"gram has shape {matrix.shape}: give (n*K, n*K)")
        if outputs < 1 or matrix.shape[0] % outputs:
            raise InputError(
                f"outputs = {outputs}: gram has {matrix.shape[0]} rows, which is no whole number of units"
            )
        return cls(NativeFactors.of_gram(matrix.shape[0] // outputs, outputs, flat(matrix)))

    @classmethod
    def from_rows(cls, rows: ArrayLike) -> Factors:
        """From all A_i, (n, K, P); or (n, P) where K = 1: then H_i = a_i a_i^T."""
        array = numbers(rows, "rows")
        if array.ndim == 2:
            array = array[:, None, :]
        if array.ndim != 3:
            raise InputError(f"rows has shape {array.shape}: give (n, K, P), or (n, P) for K = 1")
        units, outputs, parameters = array.shape
        return cls(NativeFactors.of_rows((units, outputs, parameters), flat(array)))

    @property
    def units(self) -> int:
        """n."""
        return self._native.units

    @property
    def outputs(self) -> int:
        """K."""
        return self._native.outputs

    @property
    def rank(self) -> int:
        """The rank of mean H_i."""
        return self._native.rank

    @property
    def curvatures(self) -> Array:
        """The nonzero eigenvalues of mean H_i, falling."""
        return self._native.curvatures

    @property
    def sharpness(self) -> float:
        """a = lambda_max(mean H_i)."""
        return self._native.sharpness

    @property
    def non_uniformity(self) -> float:
        """s = sqrt(lambda_max(mean H_i^2 - (mean H_i)^2))."""
        return self._native.non_uniformity()

    @property
    def trace(self) -> float:
        """tr(mean H_i)."""
        return self._native.trace

    def __repr__(self) -> str:
        return f"Factors({self.units:,} units, {self.outputs} outputs, rank {self.rank:,})"


def thresholds(
    factors: Factors,
    *,
    batch_size: BatchSize,
    momentum: float = 0.0,
    sampling: Sampling = "reshuffled-epochs",
    quick: bool = False,
    tolerance: float | None = None,
    memory: Memory = None,
    progress: Progress = None,
) -> Thresholds:
    """The critical learning rate at one batch size by every criterion.

    Args:
        factors: the matrices.
        batch_size: B, from 1 to n, or "all".
        momentum: beta of heavy-ball momentum.
        sampling: how the optimiser draws its batches; reshuffled epochs are taken as independent batches
            without replacement, as the theory does.
        quick: neither certificates nor simulations: a wider bracket.
        tolerance: as in `stability`.
        memory: bytes (or "4G"), as in `stability`.
        progress: as in `measure`.

    Raises:
        InputError: for what has no meaning, in one sentence.
    """
    if not isinstance(factors, Factors):
        raise InputError(f"a {type(factors).__name__} is no Factors: make them with Factors.from_rows, from_gram or from_hessians")
    question = question_of(
        factors.units,
        batch_size=batch_size,
        momentum=momentum,
        sampling=sampling,
        quick=quick,
        tolerance=tolerance,
    )
    memory = memory_bytes(memory, every_direction=not quick)
    with reporting(progress) as report:
        found = factors._native.thresholds(json.dumps(question), memory=memory, progress=report)
    return Thresholds(json.loads(found))
