"""The code of the pages runs."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minimascope as ms

ROOT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "python/README.md"])
def test_the_first_lines_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On 20 examples for 50 steps: the whole run takes minutes."""
    small = {"data.train.first": 20, "data.test.first": 10, "train.stop.max_steps": 50}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ms, "run", partial(ms.run, settings=small))
    if page == "README.md":
        # Its question is answered in minutes; quick=True changes nothing else.
        monkeypatch.setattr(ms, "stability", partial(ms.stability, quick=True))
    first = next(block for block in blocks(page) if "ms.run(" in block)
    exec(compile(first, page, "exec"), {})
    assert "sharpness" in capsys.readouterr().out or page == "docs/python.md"
    drawn = tmp_path / "boundary.svg"
    assert drawn.exists() == (page != "python/README.md")


def test_the_point_of_the_page_is_measured_as_dense_matrices_are() -> None:
    block = next(block for block in blocks("docs/python.md") if "class LeastSquares" in block)
    names: dict[str, Any] = {"ms": ms, "np": np}
    exec(compile(block, "docs/python.md", "exec"), names)
    draw = np.random.default_rng(0)
    j, theta = draw.standard_normal((8, 5)), draw.standard_normal(5)
    point = names["LeastSquares"](j, j @ theta, theta)
    assert isinstance(point, ms.TrainedPoint)
    dense = ms.DensePoint(j[:, :, None] * j[:, None, :])
    mine, its = ms.measure(point, tolerance=1e-8), ms.measure(dense, tolerance=1e-8)
    for quantity in ("sharpness", "non_uniformity"):
        assert getattr(mine, quantity).value == pytest.approx(getattr(its, quantity).value, rel=1e-10)
    answers = [ms.stability(each, batch_size=2, quick=True) for each in (point, dense)]
    assert answers[0].critical_learning_rate == pytest.approx(
        answers[1].critical_learning_rate, rel=1e-6
    )
