"""Results: frozen, equal to their records, shown with their doubt and their figure."""

from __future__ import annotations

import base64
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import minimascope as ms
from conftest import numpy_point

RECORDS = Path(__file__).parents[2] / "docs" / "records.md"


@pytest.fixture(scope="module")
def found() -> ms.Measurement:
    return ms.measure(numpy_point(), top=3, density=True, trace=True)


@pytest.fixture(scope="module")
def answer() -> ms.Stability:
    asked = {"learning_rate": 0.05, "batch_size": 3, "attribution": 2, "batch_sharpness": True}
    return ms.stability(numpy_point(), quick=True, **asked)  # type: ignore[arg-type]


def documented(heading: str) -> set[str]:
    """The keys of the first table under a heading of docs/records.md."""
    text = RECORDS.read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`[^|]*`) \|", section, flags=re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def test_a_measurement_is_its_record(found: ms.Measurement) -> None:
    record = found.to_dict()
    assert set(record) <= documented("A measured point")
    assert record["schema_version"] == 2
    assert json.loads(json.dumps(record)) == record
    assert type(found)(record) == found
    assert found.sharpness is not None
    assert record["sharpness"]["value"] == found.sharpness.value == float(found.sharpness)
    record["sharpness"]["value"] = 0
    assert found.to_dict()["sharpness"]["value"] != 0, "to_dict is a copy"


def test_an_answer_is_its_record(answer: ms.Stability) -> None:
    record = answer.to_dict()
    assert set(record) <= documented("`stability --json`")
    assert json.loads(json.dumps(record)) == record
    assert record["verdict"] == answer.verdict
    assert record["question"]["sampling"] == "reshuffled-epochs" == answer.sampling
    assert record["question"]["batch_size"] == answer.batch_size == 3
    deciding = answer.thresholds["reshuffled"]
    assert deciding is not None and deciding.bracket == answer.bracket
    assert answer.margin == pytest.approx(0.05 / deciding.learning_rate)
    assert "mean-square" in {threshold.criterion for threshold in answer.thresholds}
    assert answer.thresholds.to_dict() == record["thresholds"]
    assert answer.attribution is not None and len(answer.attribution["non_uniformity"]) == 2
    assert answer.batch_sharpness is not None


def test_results_do_not_change(found: ms.Measurement, answer: ms.Stability) -> None:
    for result in (found, answer):
        with pytest.raises(AttributeError, match="does not change"):
            result.verdict = "stays"  # type: ignore[misc, union-attr]
    assert found.density is not None
    with pytest.raises(ValueError, match="read-only"):
        found.density.density[0] = 1.0
    with pytest.raises(AttributeError):
        answer.sharpness.value = 1.0  # type: ignore[misc]


def test_results_are_stored(found: ms.Measurement, answer: ms.Stability) -> None:
    assert pickle.loads(pickle.dumps(found)) == found
    stored = pickle.loads(pickle.dumps(answer))
    assert stored == answer and stored.verdict == answer.verdict
    with pytest.raises(ms.InputError, match="no point to ask"):
        stored.boundary()


def test_a_density_integrates_to_one(found: ms.Measurement) -> None:
    assert found.density is not None
    total = np.trapezoid(found.density.density, found.density.eigenvalues)
    # Two decimals: the grid ends a few widths beyond the spectrum.
    assert total == pytest.approx(1.0, abs=0.01)


def test_a_number_prints_its_doubt() -> None:
    rough = ms.measure(numpy_point(), max_products=2)
    assert rough.sharpness is not None and not rough.sharpness.converged
    assert "not converged" in str(rough.sharpness)
    fine = ms.measure(numpy_point())
    assert "not converged" not in str(fine.sharpness)
    assert re.fullmatch(r"\S+ \(relative residual \de-\d\d\)", str(fine.sharpness))


def test_what_is_printed_has_the_numbers(found: ms.Measurement, answer: ms.Stability) -> None:
    text = repr(found)
    assert "9 parameters, 12 units" in text and "eigenvalue_3" in text and "trace of H" in text
    text = repr(answer)
    assert "learning rate 0.05, batch size 3: " in text and "mean-square" in text
    for note in answer.notes:
        assert f"note: {note}" in text


def svg_in(html: str) -> str:
    data = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    assert data is not None, html
    return base64.b64decode(data[1]).decode()


def test_a_notebook_shows_the_figure(found: ms.Measurement, answer: ms.Stability) -> None:
    assert "spectral density" in svg_in(found._repr_html_())
    assert "critical learning rate" in svg_in(answer._repr_html_())
    for html in (found._repr_html_(), answer._repr_html_()):
        assert "<table>" in html and "<script" not in html


def test_the_boundary_is_asked_without_measuring_again() -> None:
    point = numpy_point()
    answer = ms.stability(point, learning_rate=0.05, batch_size=3, quick=True)
    calls = len(point.calls)
    boundary = answer.boundary()
    assert len(point.calls) == calls
    assert [row.batch_size for row in boundary.rows] == [1, 2, 4, 8, 12]
    at_one = boundary.rows[0].thresholds.exact.learning_rate
    assert at_one <= boundary.rows[-1].thresholds.exact.learning_rate
    assert boundary.boundary() is boundary
    assert "B" in svg_in(boundary._repr_html_())
    assert boundary.plot().svg.startswith("<svg")
    other = answer.ask(batch_size=1, learning_rate=None)
    assert other.verdict is None and other.batch_size == 1
    assert other.thresholds.exact.learning_rate == pytest.approx(at_one, rel=1e-9)


def test_a_question_about_a_learning_rate_alone_finds_the_batch_size() -> None:
    answer = ms.stability(numpy_point(), learning_rate=0.05, quick=True)
    assert answer.verdict is None
    smallest = answer.smallest_batch_size
    assert smallest is not None and smallest.estimated is not None
    at = ms.stability(numpy_point(), batch_size=smallest.estimated, quick=True)
    assert at.critical_learning_rate is not None and at.critical_learning_rate >= 0.05
    if smallest.estimated > 1:
        below = ms.stability(numpy_point(), batch_size=smallest.estimated - 1, quick=True)
        assert below.critical_learning_rate is not None and below.critical_learning_rate < 0.05


def test_figures_are_saved(answer: ms.Stability, tmp_path: Path) -> None:
    path = answer.plot().save(tmp_path / "figure.svg")
    assert path.read_text(encoding="utf-8") == answer.plot().svg
    assert "example" in answer.plot_attribution().svg
    plain = ms.stability(numpy_point(), batch_size=3, quick=True)
    with pytest.raises(ms.InputError, match="attribution=8"):
        plain.plot_attribution()
    with pytest.raises(ms.InputError, match="theme"):
        answer.plot("blue")  # type: ignore[arg-type]


def test_tables(found: ms.Measurement, answer: ms.Stability) -> None:
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    frame = found.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    quantities = ["sharpness", "non_uniformity", "eigenvalue_1", "eigenvalue_2", "eigenvalue_3"]
    assert list(frame["quantity"]) == quantities
    boundary = answer.boundary()
    table = boundary.to_polars()
    assert isinstance(table, polars.DataFrame)
    exact = table.filter(polars.col("criterion") == "mean-square")
    assert exact["batch_size"].to_list() == [1, 2, 4, 8, 12]
    rates = [row.thresholds.exact.learning_rate for row in boundary.rows]
    assert exact["learning_rate"].to_list() == rates
    assert len(answer.to_pandas()) == len(answer.thresholds)


def test_thresholds_are_found_by_name(answer: ms.Stability) -> None:
    assert "theorem-1" in answer.thresholds and "no-such" not in answer.thresholds
    with pytest.raises(KeyError, match="there are theorem-1"):
        answer.thresholds["no-such"]
