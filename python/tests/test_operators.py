"""H, and mean H_i^2, as operators of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator

import minimascope as ms
from conftest import numpy_point

POINT = numpy_point()


class OnlyMatvec:
    def __init__(self, matrix: ms.Array) -> None:
        self._matrix, self.shape = matrix, matrix.shape

    def matvec(self, x: ms.Array) -> ms.Array:
        return self._matrix @ x


KINDS: dict[str, Callable[[ms.Array], Any]] = {
    "array": lambda matrix: matrix,
    "scipy operator": aslinearoperator,
    "sparse": csr_array,
    "matvec": OnlyMatvec,
    "function": lambda matrix: lambda x: matrix @ x,
    "column": lambda matrix: lambda x: (matrix @ x)[:, None],
    "list": lambda matrix: lambda x: list(matrix @ x),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_operator_of_any_kind_is_measured(kind: str) -> None:
    hessian, moment = POINT.matrix("hessian"), POINT.matrix("second-moment")
    make = KINDS[kind]
    found = ms.measure(
        make(hessian), second_moment=make(moment), parameters=9, top=2, tolerance=1e-8
    )
    assert found.sharpness is not None and found.non_uniformity is not None
    assert found.sharpness.value == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-10)
    # Sigma is a difference of two products: its rounding is that of mean H_i^2.
    expected = np.sqrt(np.linalg.eigvalsh(POINT.matrix("variance"))[-1])
    assert found.non_uniformity.value == pytest.approx(expected, rel=1e-10)


def test_what_an_operator_cannot_give_is_named() -> None:
    found = ms.measure(POINT.matrix("hessian"))
    assert found.sharpness is not None and found.non_uniformity is None
    assert set(found.unanswered) == {"non_uniformity", "train_loss", "gradient_norm"}
    assert "give second_moment=" in found.unanswered["non_uniformity"]
    assert "no non_uniformity: it needs mean H_i^2" in repr(found)
    assert (found.train_loss, found.train_examples, found.outputs) == (None, None, None)
    both = ms.measure(POINT.matrix("hessian"), second_moment=POINT.matrix("second-moment"))
    assert "non_uniformity" not in both.unanswered


def test_an_exception_of_an_operator_is_the_same_object() -> None:
    error = RuntimeError("the framework refused")

    def refuse(x: ms.Array) -> ms.Array:
        raise error

    with pytest.raises(RuntimeError) as caught:
        ms.measure(refuse, parameters=3)
    assert caught.value is error


def test_single_precision_is_said() -> None:
    """In f32 a vanishing matrix is zero to f32's rounding, and its residual says so."""
    hessian = POINT.matrix("hessian")
    single = hessian.astype(np.float32)

    def product(x: ms.Array) -> Any:
        return single @ x.astype(np.float32)

    found = ms.measure(product, parameters=9, precision="f32")
    assert found.sharpness is not None and found.sharpness.converged
    assert found.sharpness.value == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-5)
