"""What `measure` finds."""

from __future__ import annotations

import json
from typing import Any

from minimascope import _native
from minimascope._figure import Figure, Theme
from minimascope._record import (
    Columns,
    Density,
    Estimate,
    Measured,
    Record,
    built,
    density,
    html_table,
    measured,
    paragraphs,
    shown,
    text_table,
)


class _Spectral(Record):
    """A record with sharpness, non-uniformity and perhaps more of the spectrum."""

    __slots__ = ()

    @property
    def sharpness(self) -> Measured | None:
        """a = lambda_max(H). None where a product overflows."""
        return measured(self._json["sharpness"])

    @property
    def non_uniformity(self) -> Measured | None:
        """s = sqrt(lambda_max(Sigma)), Sigma = mean H_i^2 - H^2. None where it cannot be answered."""
        return measured(self._json["non_uniformity"])

    @property
    def _spectrum(self) -> dict[str, Any]:
        return self._json.get("spectrum") or {}

    @property
    def top(self) -> tuple[Measured, ...]:
        """The largest eigenvalues of H, from the largest, as many as were asked for."""
        return tuple(built(Measured, pair) for pair in self._spectrum.get("top", ()))

    @property
    def density(self) -> Density | None:
        """The density of all eigenvalues of H, if it was asked for."""
        return density(self._spectrum.get("density"))

    @property
    def trace(self) -> Estimate | None:
        """tr H, if it was asked for."""
        found = self._spectrum.get("trace")
        return None if found is None else built(Estimate, found)

    @property
    def train_loss(self) -> float | None:
        """The mean loss, without weight decay."""
        return self._json["train_loss"]  # type: ignore[no-any-return]

    @property
    def gradient_norm(self) -> float | None:
        """The norm of the gradient of the objective, weight decay included."""
        return self._json["gradient_norm"]  # type: ignore[no-any-return]

    @property
    def train_accuracy(self) -> float | None:
        """A fraction; None where examples have no class."""
        return self._json["train_accuracy"]  # type: ignore[no-any-return]

    @property
    def parameters(self) -> int:
        """P."""
        return self._json["parameters"]  # type: ignore[no-any-return]

    @property
    def train_examples(self) -> int | None:
        """n; None for a point given by operators alone."""
        return self._json["train_examples"]  # type: ignore[no-any-return]

    def _columns(self) -> Columns:
        named = [("sharpness", self.sharpness), ("non_uniformity", self.non_uniformity)]
        named += [(f"eigenvalue_{rank}", pair) for rank, pair in enumerate(self.top, 1)]
        rows = [(name, number) for name, number in named if number is not None]
        table: Columns = {
            "quantity": [name for name, _ in rows],
            "value": [number.value for _, number in rows],
            "residual": [number.residual for _, number in rows],
            "relative_residual": [number.relative_residual for _, number in rows],
            "converged": [number.converged for _, number in rows],
            "products": [number.products for _, number in rows],
        }
        return table

    def _facts(self) -> list[str]:
        facts = {
            "loss": self.train_loss,
            "gradient norm": self.gradient_norm,
            "accuracy": self.train_accuracy,
        }
        known = [f"{name} {shown(value)}" for name, value in facts.items() if value is not None]
        trace = [f"trace of H {self.trace}"] if self.trace is not None else []
        return [", ".join(known), *trace]

    def _lines(self) -> list[str]:
        return [*self._head(), *self._facts(), *text_table(self._columns()), *self._tail()]

    def _head(self) -> list[str]:
        raise NotImplementedError

    def _tail(self) -> list[str]:
        return []

    def plot(self, theme: Theme = "auto") -> Figure:
        """The spectral density. Ask for it with `density=True`."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        lines = paragraphs([*self._head(), *self._facts()])
        figure = self.plot("light")._repr_html_() if self.density is not None else ""
        return lines + html_table(self._columns()) + paragraphs(self._tail()) + figure


class Measurement(_Spectral):
    """A trained point, measured."""

    __slots__ = ()

    @property
    def outputs(self) -> int | None:
        """K; None for a point given by operators alone."""
        return self._json["outputs"]  # type: ignore[no-any-return]

    @property
    def weight_decay(self) -> float:
        """lambda of (lambda/2) |theta|^2."""
        return self._json["weight_decay"]  # type: ignore[no-any-return]

    @property
    def unanswered(self) -> dict[str, str]:
        """What the point could not give, by name, with the reason."""
        missing = self._json.get("unanswered", [])
        return {entry["quantity"]: entry["reason"] for entry in missing}

    def _head(self) -> list[str]:
        units = "" if self.train_examples is None else f", {self.train_examples:,} units"
        return [f"{self.parameters:,} parameters{units}"]

    def _tail(self) -> list[str]:
        return [f"no {name}: {reason}" for name, reason in self.unanswered.items()]

    def plot(self, theme: Theme = "auto") -> Figure:
        """The spectral density. Ask for it with `density=True`."""
        svg = _native.density_figure(json.dumps(self._json), theme)
        if svg is None:
            raise ValueError("no density was measured: measure with density=True")
        return Figure(svg)


class RunResult(_Spectral):
    """What a run of the engine reached: `outcome.json` of its folder, or `measure` of it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """Every other key of the record: `model`, `learning_rate`, `outcome`, `steps` and so on."""
        try:
            return self._json[name]
        except KeyError:
            raise AttributeError(f"a run's result has no {name!r}") from None

    def _head(self) -> list[str]:
        record = self._json
        return [
            f"{record['model']} on {record['train_examples']:,} examples of {record['data']}: "
            f"{record['outcome']} after {record['steps']:,} steps "
            f"with learning rate {shown(record['learning_rate'])}, batch size {record['batch_size']}"
        ]

    def plot(self, theme: Theme = "auto") -> Figure:
        """The spectral density. Ask for it with `density=True`."""
        record = {key: self._json.get(key) for key in _OF_A_POINT}
        svg = _native.density_figure(json.dumps({**record, "outputs": None}), theme)
        if svg is None:
            raise ValueError("no density was measured: measure with density=True")
        return Figure(svg)


_OF_A_POINT = (
    "schema_version",
    "parameters",
    "train_examples",
    "weight_decay",
    "train_loss",
    "gradient_norm",
    "train_accuracy",
    "sharpness",
    "non_uniformity",
    "spectrum",
)
