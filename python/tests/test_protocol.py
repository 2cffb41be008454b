"""A point of Python against the same point in Rust, and against dense numpy."""

from __future__ import annotations

import numpy as np
import pytest

import minimascope as ms
from conftest import NumpyPoint, numpy_point

# Of an eigenvalue whose residual is below 1e-8 of it and whose gap is a tenth of it or more, the error is
# at most residual^2/gap = 1e-15 of it. Of the square root half. 1e-10 leaves room for the dense
# eigensolver of numpy.
TIGHT = 1e-8
AGREE = 1e-10


def largest(matrix: ms.Array) -> float:
    return float(np.linalg.eigvalsh(matrix)[-1])


@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_sharpness_and_non_uniformity_are_numpys(weight_decay: float) -> None:
    point = numpy_point(weight_decay=weight_decay)
    found = ms.measure(point, top=4, trace=True, tolerance=TIGHT)
    assert found.sharpness is not None and found.non_uniformity is not None
    assert found.sharpness.converged and found.non_uniformity.converged
    hessian = point.matrix("hessian")
    assert found.sharpness.value == pytest.approx(largest(hessian), rel=AGREE)
    expected = np.sqrt(largest(point.matrix("variance")))
    assert found.non_uniformity.value == pytest.approx(expected, rel=AGREE)
    top = np.linalg.eigvalsh(hessian)[::-1][:4]
    assert [pair.value for pair in found.top] == pytest.approx(top, rel=AGREE)
    # P = 9 is below the products of the estimate: it is exact.
    assert found.trace is not None
    assert found.trace.value == pytest.approx(np.trace(hessian), rel=AGREE)
    assert found.train_loss == pytest.approx(0.0, abs=1e-25)
    assert found.gradient_norm == pytest.approx(weight_decay * np.linalg.norm(point.at), rel=1e-12)
    assert (found.parameters, found.train_examples, found.outputs) == (9, 12, 2)
    assert found.weight_decay == weight_decay and not found.unanswered


def test_a_python_point_is_judged_as_the_rust_point_of_the_same_matrices() -> None:
    point = numpy_point()
    dense = ms.DensePoint(point.hessians)
    asked = {"batch_size": 3, "learning_rate": 0.02, "eigenvalue_tolerance": TIGHT}
    by_python = ms.stability(point, **asked)  # type: ignore[arg-type]
    by_rust = ms.stability(dense, **asked)  # type: ignore[arg-type]
    assert by_python.sharpness.value == pytest.approx(by_rust.sharpness.value, rel=AGREE)
    assert by_python.non_uniformity.value == pytest.approx(by_rust.non_uniformity.value, rel=AGREE)
    assert by_python.verdict == by_rust.verdict == "stays"
    mine, its = by_python.thresholds.exact, by_rust.thresholds.exact
    assert mine.converged and its.converged
    # Both search in all nine directions; the search ends at 1e-6 or better.
    assert mine.learning_rate == pytest.approx(its.learning_rate, rel=1e-6)
    assert mine.bracket is not None and its.bracket is not None
    assert mine.bracket.lower <= its.bracket.upper and its.bracket.lower <= mine.bracket.upper
    assert mine.bracket.lower <= mine.learning_rate <= mine.bracket.upper


def test_the_threshold_is_the_dense_one() -> None:
    """At K = 1, P = 2: eta* = 2/lambda_max(C^-1 D), by dense matrices on the space of S."""
    point = numpy_point(units=6, outputs=1, parameters=2)
    hessians, mean, n, size = point.hessians, point.matrix("hessian"), 6, 2
    p = (n - size) / (size * (n - 1))
    eye = np.eye(2)
    c = (np.kron(mean, eye) + np.kron(eye, mean)) / 2
    moments = sum(np.kron(h, h) for h in hessians) / n
    d = (1 - p) * np.kron(mean, mean) + p * moments
    expected = 2 / max(np.linalg.eigvals(np.linalg.solve(c, d)).real)
    exact = ms.stability(point, batch_size=size).thresholds.exact
    assert exact.bracket is not None
    assert exact.bracket.lower <= expected * (1 + 1e-9)
    assert exact.bracket.upper >= expected * (1 - 1e-9)
    assert exact.learning_rate == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["hessian", "gauss-newton", "second-moment", "variance"])
def test_products_of_a_held_point_are_those_of_its_matrices(name: ms.Matrix) -> None:
    point = numpy_point()
    dense = ms.DensePoint(point.hessians)
    x = np.random.default_rng(1).standard_normal(9)
    np.testing.assert_allclose(dense.product(name, x), point.matrix(name) @ x, rtol=0, atol=1e-11)
    assert dense.cost(name).operations > 0


def test_a_held_point_implements_the_protocol() -> None:
    point = numpy_point()
    dense = ms.DensePoint(point.hessians, at=np.ones(9))
    assert isinstance(dense, ms.TrainedPoint) and isinstance(point, ms.TrainedPoint)
    part = dense.at_units([3, 5])
    expected = point.hessians[[3, 5]].mean(axis=0)
    x = np.arange(9.0)
    np.testing.assert_allclose(part.product("hessian", x), expected @ x, atol=1e-11)
    np.testing.assert_allclose(part.gradient(), expected @ np.ones(9), atol=1e-11)
    assert part.facts().loss == pytest.approx(0.5 * np.ones(9) @ expected @ np.ones(9))
    assert part.unit_losses().mean() == pytest.approx(part.facts().loss)
    gram, blocks = dense.gram(), dense.blocks()
    u = np.random.default_rng(2).standard_normal(12 * 9)
    image = dense.factor_product(dense.factor_transposed(u))
    np.testing.assert_allclose(gram @ u, image, atol=1e-10 * abs(image).max())
    np.testing.assert_allclose(blocks[2], gram[18:27, 18:27], atol=1e-12)


def test_a_point_that_knows_its_gram_matrix_is_asked_for_it() -> None:
    class WithGram(NumpyPoint):
        asked = 0

        def gram(self) -> ms.Array:
            type(self).asked += 1
            rows = self.jacobians.reshape(-1, self.parameters)
            return rows @ rows.T

    plain = numpy_point()
    with_gram = WithGram(plain.jacobians, plain.targets, plain.at)
    answers = [ms.stability(each, batch_size=2, quick=True) for each in (plain, with_gram)]
    rates = [answer.critical_learning_rate for answer in answers]
    assert rates[0] == pytest.approx(rates[1], rel=1e-9)
    assert WithGram.asked == 1 and "factor_product" not in with_gram.calls


def test_a_python_point_stands_in_its_own_thread() -> None:
    import threading

    class Threads(NumpyPoint):
        seen: set[int] = set()

        def product(self, matrix: ms.Matrix, x: ms.Array) -> ms.Array:
            self.seen.add(threading.get_ident())
            return super().product(matrix, x)

    plain = numpy_point()
    ms.measure(Threads(plain.jacobians, plain.targets, plain.at))
    assert Threads.seen == {threading.get_ident()}


def test_a_coupled_point_has_a_sharpness_alone() -> None:
    point = numpy_point()
    point.coupled = True
    found = ms.measure(point)
    assert found.sharpness is not None and found.non_uniformity is None
    assert "freeze the statistics" in found.unanswered["non_uniformity"]
    with pytest.raises(ms.InputError, match="batch norm in training mode"):
        ms.stability(point, batch_size=2)


def test_momentum_and_remarks_of_a_point_reach_the_answer() -> None:
    point = numpy_point()
    point.momentum = 0.9  # type: ignore[attr-defined]
    point.remarks = ["trained with Adam"]  # type: ignore[attr-defined]
    answer = ms.stability(point, batch_size=2, quick=True)
    assert answer.momentum == 0.9 and "trained with Adam" in answer.notes
    assert ms.stability(point, batch_size=2, quick=True, momentum=0.0).momentum == 0.0
