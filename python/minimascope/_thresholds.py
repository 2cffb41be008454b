"""Critical learning rates by every criterion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from minimascope._record import Columns, Json, Record, html_table, significant, text_table

_EXACT = "mean-square"


@dataclass(frozen=True, slots=True)
class Bracket:
    """SGD is stable in mean square below `lower` and unstable above `upper`."""

    lower: float
    """0 where nothing is proved."""
    upper: float

    def __str__(self) -> str:
        return f"[{significant(self.lower)}, {significant(self.upper)}]"


@dataclass(frozen=True, slots=True)
class Threshold:
    """The critical learning rate at one batch size by one criterion."""

    criterion: str
    """Its name in records, such as `mean-square`."""
    title: str
    """Its name in tables and figures."""
    learning_rate: float
    """The critical learning rate; where there is a bracket, the estimate."""
    bracket: Bracket | None
    """Proved ends; only the exact threshold has one."""
    proves: str
    """What it proves of SGD in mean square: `staying-below`, `leaving-above`, `both`, `nothing`."""
    source: str
    """Authors and year."""
    evidence: Json
    """What the number rests on, as docs/records.md describes it."""
    remark: str | None
    """What a reader must know."""

    @property
    def converged(self) -> bool:
        """Whether the number is as well known as was asked for. A formula always is."""
        return bool(self.evidence.get("converged", True))


def _threshold(record: Json) -> Threshold:
    bracket = record.get("bracket")
    return Threshold(
        criterion=record["criterion"],
        title=record["title"],
        learning_rate=record["learning_rate"],
        bracket=None if bracket is None else Bracket(**bracket),
        proves=record["proves"],
        source=record["source"],
        evidence=record["evidence"],
        remark=record.get("remark"),
    )


class Thresholds(Sequence[Threshold]):
    """The thresholds at one batch size, in the order of the program's tables.

    `thresholds["mean-square"]` is one by its name; so is `thresholds.exact`.
    """

    __slots__ = ("_list", "_record")

    def __init__(self, record: list[Json]) -> None:
        self._record = record
        self._list = tuple(_threshold(threshold) for threshold in record)

    @property
    def exact(self) -> Threshold:
        """The exact mean-square threshold, with its bracket."""
        return self[_EXACT]

    def get(self, criterion: str) -> Threshold | None:
        """The threshold of a criterion; None if it says nothing at this batch size."""
        return next((one for one in self._list if one.criterion == criterion), None)

    @overload
    def __getitem__(self, key: int | str) -> Threshold: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Threshold]: ...
    def __getitem__(self, key: int | str | slice) -> Threshold | Sequence[Threshold]:
        if not isinstance(key, str):
            return self._list[key]
        found = self.get(key)
        if found is not None:
            return found
        known = ", ".join(threshold.criterion for threshold in self._list)
        raise KeyError(f"no criterion {key!r} at this batch size; there are {known}")

    def __len__(self) -> int:
        return len(self._list)

    def __iter__(self) -> Iterator[Threshold]:
        return iter(self._list)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            return any(threshold.criterion == key for threshold in self._list)
        return key in self._list

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thresholds) and other._record == self._record

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> list[Json]:
        """The list, as docs/records.md describes it."""
        return Record({"thresholds": self._record}).to_dict()["thresholds"]  # type: ignore[no-any-return]

    def columns(self) -> Columns:
        """A table, one row a criterion."""
        rows = self._list
        ends = [threshold.bracket for threshold in rows]
        table: dict[str, list[Any]] = {
            "criterion": [threshold.criterion for threshold in rows],
            "learning_rate": [threshold.learning_rate for threshold in rows],
            "lower": [end and end.lower for end in ends],
            "upper": [end and end.upper for end in ends],
            "proves": [threshold.proves for threshold in rows],
            "converged": [threshold.converged for threshold in rows],
            "source": [threshold.source for threshold in rows],
        }
        return table

    def __repr__(self) -> str:
        return "\n".join(text_table(self.columns()))

    def _repr_html_(self) -> str:
        return html_table(self.columns())
