"""Progress: plain lines outside a terminal, a bar on one, a function that is told."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest

import minimascope as ms
from conftest import numpy_point
from minimascope import _progress


def test_a_function_is_told() -> None:
    told: list[tuple[str, str, int | None, int | None]] = []
    ms.measure(numpy_point(), progress=lambda *report: told.append(report))
    kinds = {kind for kind, *_ in told}
    assert kinds <= {"measuring", "end"} and "measuring" in kinds
    texts = " ".join(text for _, text, *_ in told)
    assert "sharpness: " in texts and "products" in texts


def test_a_run_is_told_of_step_by_step(tmp_path: Any) -> None:
    told: list[tuple[str, str, int | None, int | None]] = []
    ms.run(
        "fashion-mnist-fnn",
        learning_rate=0.1,
        batch_size=5,
        settings={"data.train.first": 20, "train.stop.max_steps": 200},
        out=tmp_path,
        progress=lambda *report: told.append(report),
    )
    steps = [(done, total) for kind, _, done, total in told if kind == "step"]
    assert steps and all(total == 200 for _, total in steps)
    assert any(kind == "note" and "run folder: " in text for kind, text, *_ in told)


def test_lines_are_seldom_outside_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(_progress, "monotonic", lambda: now)
    with _progress.reporting(None) as report:
        assert report is not None
        for second in range(12):
            now = float(second)
            report("step", "loss 1", second, 100)
        report("note", "a sentence", None, None)
        report("end", "", None, None)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "step 5 of at most 100: loss 1",
        "step 10 of at most 100: loss 1",
        "a sentence",
    ]


def test_nothing_is_said_where_nothing_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with _progress.reporting(False) as report:
        assert report is None
    ms.measure(np.eye(2), progress=False)
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_a_terminal_shows_a_bar_and_clears_it(
    monkeypatch: pytest.MonkeyPatch, with_tqdm: bool
) -> None:
    if with_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    now = 0.0
    monkeypatch.setattr(_progress, "monotonic", lambda: now)
    with _progress.reporting(None) as report:
        assert report is not None
        report("measuring", "sharpness: 1 products", 1, None)
        assert terminal.getvalue() == "", "nothing in the first second"
        now = 2.0
        report("measuring", "sharpness: 30 products, 3.8", 30, None)
        assert "sharpness: 30 products, 3.8" in terminal.getvalue()
        report("step", "loss 1", 50, 100)
        assert "50" in terminal.getvalue()
        report("note", "a sentence", None, None)
    assert "a sentence" in terminal.getvalue()
    # What was shown goes: the line ends empty.
    last = terminal.getvalue().rsplit("\r", 1)[1]
    assert last.replace("\x1b[2K", "").strip() == "", repr(last)


def test_a_notebook_shows_a_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    """tqdm.auto chooses the widget; here only that it is asked, though stderr is no terminal."""

    class Kernel:
        config = {"IPKernelApp": {}}

    class Ipython:
        @staticmethod
        def get_ipython() -> Kernel:
            return Kernel()

    made: list[Any] = []

    class Bar:
        n = 0

        def __init__(self, **settings: Any) -> None:
            made.append(settings)

        def set_postfix_str(self, text: str, refresh: bool) -> None: ...
        def refresh(self) -> None: ...
        def close(self) -> None: ...

    class Auto:
        tqdm = Bar

    monkeypatch.setitem(sys.modules, "IPython", Ipython)
    monkeypatch.setitem(sys.modules, "tqdm.auto", Auto)
    monkeypatch.setattr(_progress, "_BAR_AFTER", 0.0)
    with _progress.reporting(None) as report:
        assert report is not None
        report("measuring", "sharpness", 1, None)
    assert len(made) == 1
