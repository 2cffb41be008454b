"""What `stability` answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from minimascope import _native
from minimascope._errors import InputError
from minimascope._figure import Figure, Theme
from minimascope._record import (
    Columns,
    Estimate,
    Json,
    Measured,
    Record,
    built,
    html_table,
    paragraphs,
    shown,
    significant,
    text_table,
)
from minimascope._thresholds import Bracket, Threshold, Thresholds

Verdict: TypeAlias = Literal["stays", "leaves", "not-decided"]
"""What linear stability in mean square says of SGD started close to the point."""

Sampling: TypeAlias = Literal[
    "reshuffled-epochs",
    "reshuffled-and-reversed",
    "single-shuffle",
    "file-order",
    "independent-batches",
    "with-replacement",
]
"""How the optimiser draws its batches."""


@dataclass(frozen=True, slots=True)
class BoundaryRow:
    """The thresholds at one batch size."""

    batch_size: int
    thresholds: Thresholds
    verdict: Verdict | None
    """On the learning rate asked about."""


@dataclass(frozen=True, slots=True)
class SmallestBatchSize:
    """The smallest batch size at which a learning rate stays."""

    proved: int | None
    """At which staying is proved; None where it is for none."""
    estimated: int | None
    """Whose estimate of the critical learning rate is at least the one asked about."""


@dataclass(frozen=True, slots=True)
class BatchSharpness:
    """g^T H_B g/|g|^2 of batches with gradient g, to compare with 2/(learning rate)."""

    batch_size: int
    mean_of_ratios: Estimate | None
    ratio_of_means: Estimate | None
    converged: bool


# The criterion of a sampling scheme whose steps are not independent.
_DECIDING = {
    "reshuffled-epochs": "reshuffled",
    "reshuffled-and-reversed": "reshuffled",
    "single-shuffle": "single-order",
    "file-order": "single-order",
}


class Stability(Record):
    """Which learning rates and batch sizes can stay at a point."""

    __slots__ = ("_ask",)

    def __init__(self, record: Json, ask: Callable[[Json], Json]) -> None:
        super().__init__(record)
        object.__setattr__(self, "_ask", ask)

    def __reduce__(self) -> tuple[Any, ...]:
        return Stability, (self._json, _without_point)

    @property
    def verdict(self) -> Verdict | None:
        """On (learning rate, batch size); None where not both were given."""
        return self._json["verdict"]  # type: ignore[no-any-return]

    @property
    def bracket(self) -> Bracket | None:
        """SGD is stable in mean square below its lower end and unstable above its upper end.

        For independent batches both ends are proved. For epochs they are three standard errors from the
        estimate.
        """
        deciding = self._deciding()
        return None if deciding is None else deciding.bracket

    @property
    def critical_learning_rate(self) -> float | None:
        """The estimate of the threshold at `batch_size`, for the sampling of the optimiser."""
        deciding = self._deciding()
        return None if deciding is None else deciding.learning_rate

    def _deciding(self) -> Threshold | None:
        return self.thresholds.get(_DECIDING.get(self._json["sampling_assumed"], "mean-square"))

    @property
    def margin(self) -> float | None:
        """(learning rate)/(critical learning rate), by the estimate."""
        return self._json["margin"]  # type: ignore[no-any-return]

    @property
    def thresholds(self) -> Thresholds:
        """The critical learning rate at `batch_size`, by every criterion."""
        return Thresholds(self._json.get("thresholds", []))

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before trusting the verdict."""
        return tuple(self._json["notes"])

    @property
    def learning_rate(self) -> float | None:
        """The learning rate asked about."""
        return self._json["learning_rate"]  # type: ignore[no-any-return]

    @property
    def batch_size(self) -> int | None:
        """B asked about; for a question about a learning rate alone, the smallest whose estimate stays."""
        return self._json["batch_size"]  # type: ignore[no-any-return]

    @property
    def momentum(self) -> float:
        """beta of heavy-ball momentum; 0 for plain SGD."""
        return self._json["momentum"]  # type: ignore[no-any-return]

    @property
    def sampling(self) -> Sampling:
        """How the optimiser draws its batches."""
        return self._json["sampling_used"]  # type: ignore[no-any-return]

    @property
    def sharpness(self) -> Measured:
        """a = lambda_max(H) of the full Hessian."""
        return built(Measured, self._json["point"]["sharpness"])

    @property
    def non_uniformity(self) -> Measured:
        """s = sqrt(lambda_max(Sigma)) of the full Hessians."""
        return built(Measured, self._json["point"]["non_uniformity"])

    @property
    def smallest_curvature(self) -> Measured:
        """lambda_min(H); its relative residual is against lambda_max(H)."""
        return built(Measured, self._json["point"]["smallest_curvature"])

    @property
    def smallest_batch_size(self) -> SmallestBatchSize | None:
        """Where only a learning rate was given: the smallest batch size at which it stays."""
        found = self._json.get("smallest_batch_size")
        return None if found is None else built(SmallestBatchSize, found)

    @property
    def batch_sharpness(self) -> BatchSharpness | None:
        """The curvature along SGD's own steps, if it was asked for."""
        found = self._json.get("batch_sharpness")
        if found is None:
            return None
        estimates = {
            key: None if found[key] is None else built(Estimate, found[key])
            for key in ("mean_of_ratios", "ratio_of_means")
        }
        return built(BatchSharpness, {**found, **estimates})

    @property
    def attribution(self) -> Json | None:
        """Which examples make SGD leave, if it was asked for; as docs/records.md describes it."""
        return self.to_dict().get("attribution")

    @property
    def example_sharpnesses(self) -> tuple[float, ...]:
        """lambda_max of the Gauss-Newton part of every H_i, in the order of the units."""
        return tuple(self._json["example_sharpnesses"])

    @property
    def rows(self) -> tuple[BoundaryRow, ...]:
        """The thresholds at B = 1, 2, 4, ... n, if they were asked for; see `boundary`."""
        return tuple(
            BoundaryRow(row["batch_size"], Thresholds(row["thresholds"]), row.get("verdict"))
            for row in self._json.get("boundary", [])
        )

    def boundary(self) -> Stability:
        """The same question at every batch size B = 1, 2, 4, ... n; this answer if it has them.

        The point is not measured again: an answer keeps what it knows of its point as long as it lives.
        """
        if self.rows:
            return self
        return self.ask(boundary=True)

    def ask(self, **changes: Any) -> Stability:
        """Another question about the same point, without measuring it again.

        `changes` are keys of the question: `learning_rate`, `batch_size`, `momentum`, `sampling`,
        `boundary`, `attribution`, `batch_sharpness`, `quick`, `tolerance`; None leaves one out.
        """
        question = {**self._json["question"], **changes}
        question = {key: value for key, value in question.items() if value is not None}
        ask: Callable[[Json], Json] = object.__getattribute__(self, "_ask")
        return Stability(ask(question), ask)

    def plot(self, theme: Theme = "auto") -> Figure:
        """The thresholds against the batch size: of `boundary()`, or at the one batch size asked about."""
        svg = _native.boundary_figure(json.dumps(self._json), theme)
        if svg is None:
            raise InputError("the answer has no threshold to draw: ask with batch_size=, or .boundary()")
        return Figure(svg)

    def plot_attribution(self, theme: Theme = "auto") -> Figure:
        """The examples that make SGD leave, by their share in the critical learning rate.

        Ask for them with `attribution=`.
        """
        svg = _native.attribution_figure(json.dumps(self._json), theme)
        if svg is None:
            raise InputError("the answer has no attribution: ask with attribution=8")
        return Figure(svg)

    def _columns(self) -> Columns:
        """One row a batch size and criterion."""
        if self.rows:
            rows = [(row.batch_size, row.verdict, row.thresholds) for row in self.rows]
        elif self.batch_size is not None:
            rows = [(self.batch_size, self.verdict, self.thresholds)]
        else:
            rows = []
        columns: Columns = {"batch_size": [], "verdict": []}
        for name in Thresholds([]).columns():
            columns[name] = []
        for batch_size, verdict, thresholds in rows:
            columns["batch_size"] += [batch_size] * len(thresholds)
            columns["verdict"] += [verdict] * len(thresholds)
            for name, values in thresholds.columns().items():
                columns[name] += values
        return columns

    def _head(self) -> list[str]:
        lines = []
        if self.verdict is not None:
            lines.append(
                f"learning rate {shown(self.learning_rate)}, batch size {self.batch_size}: "
                f"{self.verdict.replace('-', ' ')} "
                f"({shown(self.margin)} of the critical learning rate)"
            )
        if self.bracket is not None and self.critical_learning_rate is not None:
            lines.append(
                f"critical learning rate at batch size {self.batch_size}: "
                f"{significant(self.critical_learning_rate)}, in {self.bracket}"
            )
        if (smallest := self.smallest_batch_size) is not None:
            lines.append(
                f"smallest batch size at learning rate {shown(self.learning_rate)}: "
                f"{shown(smallest.estimated)} by the estimate, {shown(smallest.proved)} proved"
            )
        lines.append(f"sharpness {self.sharpness}")
        lines.append(f"non-uniformity {self.non_uniformity}")
        if (found := self.batch_sharpness) is not None:
            lines.append(
                f"batch sharpness: mean of ratios {shown(found.mean_of_ratios)}, "
                f"ratio of means {shown(found.ratio_of_means)}"
            )
        return lines

    def _table(self) -> Columns:
        """The learning rates, a row a batch size and a column a criterion."""
        if not self.rows:
            return self.thresholds.columns()
        columns: Columns = {"batch_size": [row.batch_size for row in self.rows]}
        for row in self.rows:
            for threshold in row.thresholds:
                columns.setdefault(threshold.criterion, [None] * len(self.rows))
        for at, row in enumerate(self.rows):
            for threshold in row.thresholds:
                columns[threshold.criterion][at] = threshold.learning_rate
        columns["verdict"] = [row.verdict for row in self.rows]
        return columns

    def _tail(self) -> list[str]:
        return [f"note: {note}" for note in self.notes]

    def _lines(self) -> list[str]:
        table = self._table()
        return [*self._head(), *(text_table(table) if any(table.values()) else []), *self._tail()]

    def _repr_html_(self) -> str:
        table = self._table()
        figure = self.plot("light")._repr_html_() if self.rows or self.thresholds else ""
        tables = html_table(table) if any(table.values()) else ""
        return paragraphs(self._head()) + tables + paragraphs(self._tail()) + figure


def _without_point(question: Json) -> Json:
    raise InputError(
        "an answer that was stored has no point to ask: call minimascope.stability with the point"
    )
