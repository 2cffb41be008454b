"""Progress: a bar on a terminal, a widget in a notebook, a plain line now and then elsewhere.

Everything goes to stderr. A bar appears after a second of work, a line after five.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeAlias

Report: TypeAlias = Callable[[str, str, int | None, int | None], None]
"""Told (kind, text, done, total); kind is `measuring`, `step`, `note` or `end` (of a stage)."""

Progress: TypeAlias = bool | Report | None
"""True or False for a bar or none, a function that is told, or None: a bar where somebody sees it."""

_BAR_AFTER = 1.0
_LINES_EVERY = 5.0


@contextmanager
def reporting(progress: Progress) -> Iterator[Report | None]:
    """The function that is told of progress, while work goes on."""
    if progress is False:
        yield None
    elif callable(progress):
        yield progress
    elif (bar := _bar_class()) is not None:
        shown = _Bar(bar)
        try:
            yield shown
        finally:
            shown.close()
    else:
        yield _Lines()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def _bar_class() -> Any:
    """tqdm's bar where it is installed and somebody sees it; our own on a terminal without it."""
    notebook = _in_notebook()
    if not notebook and not sys.stderr.isatty():
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None if notebook else _OwnBar
    return tqdm


class _Bar:
    """A bar for training, which has an end in sight; a counter for measuring, which has none."""

    def __init__(self, bar_class: Any) -> None:
        self._bar_class = bar_class
        self._bar: Any = None
        self._total: int | None = None
        self._begun = monotonic()

    def __call__(self, kind: str, text: str, done: int | None, total: int | None) -> None:
        if kind == "end":
            self.close()
        elif kind == "note":
            self._bar_class.write(text, file=sys.stderr)
        elif monotonic() - self._begun >= _BAR_AFTER:
            if self._bar is None or total != self._total:
                self.close()
                self._bar = self._bar_class(total=total, leave=False, file=sys.stderr)
                self._total = total
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.n = done or 0
            self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _OwnBar:
    """One line that is written again, for a terminal without tqdm."""

    def __init__(self, total: int | None, leave: bool, file: Any) -> None:
        self.n, self._total, self._file, self._text = 0, total, file, ""

    @staticmethod
    def write(text: str, file: Any) -> None:
        print(text, file=file)

    def set_postfix_str(self, text: str, refresh: bool) -> None:
        self._text = text

    def refresh(self) -> None:
        share = f"{100 * self.n / self._total:3.0f} % " if self._total else ""
        self._file.write(f"\r\x1b[2K{share}{self._text}")
        self._file.flush()

    def close(self) -> None:
        self._file.write("\r\x1b[2K")
        self._file.flush()


class _Lines:
    """Plain lines, seldom enough for a log of an hour to stay readable."""

    def __init__(self) -> None:
        self._last = monotonic()

    def __call__(self, kind: str, text: str, done: int | None, total: int | None) -> None:
        if kind == "note":
            print(text, file=sys.stderr, flush=True)
        elif kind != "end" and monotonic() - self._last >= _LINES_EVERY:
            self._last = monotonic()
            of = f"step {done:,} of at most {total:,}: " if total and done is not None else ""
            print(f"{of}{text}", file=sys.stderr, flush=True)
