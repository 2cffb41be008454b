"""Results: numbers that are never alone, and the records that hold them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

import numpy as np

from minimascope._errors import Error
from minimascope._point import Array

if TYPE_CHECKING:
    import pandas
    import polars

Json: TypeAlias = dict[str, Any]
"""An object as docs/records.md describes it."""

Columns: TypeAlias = dict[str, list[Any]]
"""A table: lists of one length under their names."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Measured:
    """An eigenvalue, or its square root, with its true residual."""

    value: float
    """The eigenvalue; for the non-uniformity its square root."""
    residual: float
    """|Av - lambda v| with |v| = 1, by a product of its own: some eigenvalue lies within this."""
    relative_residual: float
    """residual/|lambda|. A relative error e in an eigenvalue is e/2 in its square root."""
    converged: bool
    """Whether the relative residual is within the tolerance asked for."""
    products: int
    """Operator products it took."""

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        doubt = "" if self.converged else ", not converged"
        return f"{significant(self.value)} (relative residual {self.relative_residual:.0e}{doubt})"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A stochastic estimate."""

    value: float
    standard_error: float
    products: int
    """Operator products (of a batch sharpness: batches) it took."""

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{significant(self.value)} ± {self.standard_error:.1g}"


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """A spectral density, smoothed; its integral is 1."""

    eigenvalues: Array
    """The points, rising."""
    density: Array
    """The density at each."""
    standard_error: Array
    """Its standard error, over the probes."""
    width: float
    """Standard deviation of the smoothing Gaussian."""
    probes: int
    products: int


def significant(value: float) -> str:
    """Four significant digits."""
    if value == 0 or 1e-2 <= abs(value) < 1e5:
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return f"{value:.3e}"


def built(cls: type[_T], record: Mapping[str, Any]) -> _T:
    """A dataclass from an object of the same keys; keys that a later version added are left out."""
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    return cls(**{key: value for key, value in record.items() if key in known})


def measured(record: Mapping[str, Any] | None) -> Measured | None:
    """A number that may be missing."""
    return None if record is None else built(Measured, record)


def density(record: Mapping[str, Any] | None) -> Density | None:
    """A density that may be missing."""
    if record is None:
        return None
    arrays = {
        key: np.asarray(record[key], dtype=np.float64)
        for key in ("eigenvalues", "density", "standard_error")
    }
    for array in arrays.values():
        array.flags.writeable = False
    return built(Density, {**record, **arrays})


class Record:
    """A result: frozen, printed for people, and equal to its record."""

    __slots__ = ("_record",)

    def __init__(self, record: Json) -> None:
        object.__setattr__(self, "_record", record)

    @classmethod
    def _of_json(cls, text: str) -> Self:
        return cls(json.loads(text))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} is a result and does not change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is a result and does not change")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._record == self._record  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._json,)

    def to_dict(self) -> Json:
        """The record, as docs/records.md describes it: a copy."""
        return copy.deepcopy(self._json)

    @property
    def _json(self) -> Json:
        record: Json = object.__getattribute__(self, "_record")
        return record

    def _columns(self) -> Columns:
        raise NotImplementedError

    def to_pandas(self) -> pandas.DataFrame:
        """The result as a table of pandas. Needs pandas."""
        frame: pandas.DataFrame = _installed("pandas").DataFrame(self._columns())
        return frame

    def to_polars(self) -> polars.DataFrame:
        """The result as a table of Polars. Needs polars."""
        frame: polars.DataFrame = _installed("polars").DataFrame(self._columns(), strict=False)
        return frame

    def __repr__(self) -> str:
        return "\n".join(line for line in self._lines() if line)

    def _lines(self) -> list[str]:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return paragraphs(self._lines())


def _installed(module: str) -> Any:
    try:
        return __import__(module)
    except ImportError:
        raise Error(f"{module} is not installed: pip install {module}") from None


def paragraphs(lines: Sequence[str]) -> str:
    """Lines as HTML."""
    return "".join(f"<div>{escape(line)}</div>" for line in lines if line)


def text_table(columns: Columns) -> list[str]:
    """A table for people, as lines."""
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def html_table(columns: Columns) -> str:
    """A table as HTML."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(shown(cell))}</td>" for cell in row) + "</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def shown(cell: object) -> str:
    """A cell for people."""
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return significant(cell)
    return str(cell)
