"""Where a tracker's records go: JSON lines, Parquet, TensorBoard, Weights & Biases, any callable.

A record is a flat dictionary: `step`, and numbers by name. A number that is not finite is `None`.
This file imports no PyTorch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

Record = Mapping[str, Any]


class LogError(OSError):
    """A record that cannot be written: one sentence with what to do."""


class Sink(Protocol):
    """Takes records; `close` is called once at the end."""

    def write(self, record: Record) -> None:
        """Takes one record."""
        ...

    def close(self) -> None:
        """Nothing follows."""
        ...


class _JsonLines:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise LogError(f"the trace '{path}' cannot be opened ({error.strerror}); give a file in a folder that exists and can be written.") from error

    def write(self, record: Record) -> None:
        if self._file.closed:
            raise LogError(f"the trace '{self._path}' is closed; make a new sink to go on.")
        try:
            self._file.write(json.dumps(dict(record)) + "\n")
            self._file.flush()
        except OSError as error:
            raise LogError(f"the trace '{self._path}' cannot be written ({error.strerror}); free space or give another file.") from error

    def close(self) -> None:
        self._file.close()


class _Parquet:
    """Writes the whole table beside the file and renames it, so that a reader never sees half of it."""

    def __init__(self, path: Path, every: int) -> None:
        try:
            import pyarrow  # type: ignore[import-untyped, unused-ignore]
            import pyarrow.parquet  # type: ignore[import-untyped, unused-ignore]
        except ImportError as error:
            raise LogError("Parquet needs pyarrow: pip install pyarrow, or take jsonl.") from error
        if not path.parent.is_dir():
            raise LogError(f"the folder '{path.parent}' does not exist; make it first.")
        self._arrow: Any = pyarrow
        self._path, self._every = path, every
        self._rows: list[dict[str, Any]] = []
        self._closed = False

    def write(self, record: Record) -> None:
        if self._closed:
            raise LogError(f"the table '{self._path}' is closed; make a new sink to go on.")
        self._rows.append(dict(record))
        if len(self._rows) % self._every == 0:
            self._save()

    def _save(self) -> None:
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        columns = {name: [row.get(name) for row in self._rows] for name in names}
        temporary = self._path.with_name(self._path.name + ".tmp")
        try:
            self._arrow.parquet.write_table(self._arrow.table(columns), temporary)
            os.replace(temporary, self._path)
        except OSError as error:
            raise LogError(f"the table '{self._path}' cannot be written ({error}); free space or give another file.") from error

    def close(self) -> None:
        if not self._closed and self._rows:
            self._save()
        self._closed = True


class _TensorBoard:
    def __init__(self, writer: Any, prefix: str) -> None:
        self._writer, self._prefix = writer, prefix

    def write(self, record: Record) -> None:
        for name, value in record.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or name == "step":
                continue
            self._writer.add_scalar(self._prefix + name, value, record["step"])

    def close(self) -> None:
        self._writer.flush()


class _Weights:
    def __init__(self, run: Any, prefix: str) -> None:
        self._run, self._prefix = run, prefix

    def write(self, record: Record) -> None:
        known = {self._prefix + k: v for k, v in record.items() if v is not None and k != "step"}
        self._run.log(known, step=record["step"])

    def close(self) -> None:
        """The run is its owner's to finish."""


class _Callable:
    def __init__(self, function: Callable[[Record], object]) -> None:
        self._function = function

    def write(self, record: Record) -> None:
        self._function(record)

    def close(self) -> None:
        """Nothing is held."""


def jsonl(path: str | os.PathLike[str]) -> Sink:
    """One JSON object a line, appended, written through at once."""
    return _JsonLines(Path(path))


def parquet(path: str | os.PathLike[str], every: int = 50) -> Sink:
    """A table, saved whole after each `every` records and at the end."""
    return _Parquet(Path(path), every)


def tensorboard(writer: Any, prefix: str = "curvature/") -> Sink:
    """Scalars of a `torch.utils.tensorboard.SummaryWriter`."""
    return _TensorBoard(writer, prefix)


def wandb(run: Any, prefix: str = "curvature/") -> Sink:
    """`run.log` of Weights & Biases, at the step of the record."""
    return _Weights(run, prefix)


def sink(given: Sink | Callable[[Record], object]) -> Sink:
    """A sink as it is, or any function of a record as one."""
    if hasattr(given, "write") and hasattr(given, "close"):
        return cast(Sink, given)
    if callable(given):
        return _Callable(given)
    raise LogError("log= must be a sink of minimascope.torch.log or a function of a record.")
