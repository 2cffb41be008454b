"""Thresholds of matrices of the caller's own."""

from __future__ import annotations

import numpy as np
import pytest

import minimascope as ms
from conftest import numpy_point

POINT = numpy_point()
ROWS = POINT.jacobians.reshape(-1, 9)


def made() -> dict[str, ms.Factors]:
    return {
        "hessians": ms.Factors.from_hessians(POINT.hessians),
        "gram": ms.Factors.from_gram(ROWS @ ROWS.T, outputs=2),
        "rows": ms.Factors.from_rows(POINT.jacobians),
    }


@pytest.mark.parametrize("kind", ["hessians", "gram", "rows"])
def test_every_way_gives_the_same_problem(kind: str) -> None:
    factors = made()[kind]
    assert (factors.units, factors.rank) == (12, 9)
    assert factors.outputs == (9 if kind == "hessians" else 2)
    curvatures = np.linalg.eigvalsh(POINT.matrix("hessian"))[::-1]
    np.testing.assert_allclose(factors.curvatures, curvatures, rtol=1e-10)
    assert factors.sharpness == pytest.approx(curvatures[0], rel=1e-10)
    assert factors.trace == pytest.approx(curvatures.sum(), rel=1e-10)
    expected = np.sqrt(np.linalg.eigvalsh(POINT.matrix("variance"))[-1])
    assert factors.non_uniformity == pytest.approx(expected, rel=1e-6)
    exact = ms.thresholds(factors, batch_size=3).exact
    by_point = ms.stability(POINT, batch_size=3).thresholds.exact
    assert exact.learning_rate == pytest.approx(by_point.learning_rate, rel=1e-6)


def test_one_parameter_has_a_closed_form() -> None:
    """h = 0.2, 3.8 at B = 1: eta* = 2 mean h/mean h^2."""
    factors = ms.Factors.from_rows(np.sqrt([[0.2], [3.8]]))
    exact = ms.thresholds(factors, batch_size=1).exact
    assert exact.learning_rate == pytest.approx(2 * 2.0 / ((0.04 + 14.44) / 2), rel=1e-9)
    # Gradient descent: 2/a.
    everything = ms.thresholds(factors, batch_size="all")
    assert everything["gradient-descent"].learning_rate == pytest.approx(1.0, rel=1e-12)
    assert everything.exact.learning_rate == pytest.approx(1.0, rel=1e-9)


def test_momentum_and_sampling_are_taken() -> None:
    factors = made()["rows"]
    plain = ms.thresholds(factors, batch_size=3, quick=True)
    heavy = ms.thresholds(factors, batch_size=3, quick=True, momentum=0.9)
    assert heavy["gradient-descent"].learning_rate == pytest.approx(
        1.9 * plain["gradient-descent"].learning_rate
    )
    independent = ms.thresholds(factors, batch_size=3, quick=True, sampling="independent-batches")
    assert independent.exact == plain.exact
    # With replacement p = 1/B is larger than (n - B)/(B(n - 1)): more noise.
    replaced = ms.thresholds(factors, batch_size=3, quick=True, sampling="with-replacement")
    assert replaced.exact.learning_rate < plain.exact.learning_rate


def test_thresholds_print_and_show() -> None:
    found = ms.thresholds(made()["rows"], batch_size=3, quick=True)
    assert "mean-square" in repr(found) and "<table>" in found._repr_html_()
    assert all(threshold.source and threshold.title for threshold in found)
    assert found == ms.thresholds(made()["rows"], batch_size=3, quick=True)
