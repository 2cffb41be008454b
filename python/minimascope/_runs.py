"""Runs of the engine: made, and found on disk."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from minimascope import _native
from minimascope._ask import BatchSize, question_of
from minimascope._errors import InputError
from minimascope._held import HeldPoint
from minimascope._machine import Memory, memory_bytes, thread_count
from minimascope._measurement import RunResult
from minimascope._network import Network
from minimascope._point import Array
from minimascope._progress import Progress, reporting
from minimascope._record import Json
from minimascope._stability import Sampling, Stability


class Run:
    """A run's folder: what the engine trained, and what was measured there.

    `minimascope.run` makes one, `minimascope.open` finds one.
    """

    __slots__ = ("_stored",)

    def __init__(self, stored: _native.NativeRun) -> None:
        self._stored = stored

    @property
    def folder(self) -> Path:
        """The folder. docs/records.md describes its files."""
        return Path(self._stored.folder)

    @property
    def id(self) -> str:
        """The run's id: a hash of what determines its numbers."""
        return self._stored.id

    @property
    def configuration(self) -> Json:
        """The configuration, complete."""
        return tomllib.loads(self._stored.configuration)

    @property
    def architecture(self) -> Json:
        """The network, as `Network` takes it."""
        return cast(Json, json.loads(self._stored.architecture))

    @property
    def result(self) -> RunResult:
        """What the run reached: `outcome.json`."""
        text = self._stored.outcome
        if text is None:
            raise InputError(
                f"{self.folder} has no result yet: the run is not finished; minimascope.run with "
                "resume=True continues it"
            )
        return RunResult._of_json(text)

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters by their PyTorch names: `load_state_dict` takes them as tensors."""
        tensors, numbers = self._stored.parameters()
        ends = np.cumsum([int(np.prod(shape)) for _, shape in tensors])[:-1]
        parts = np.split(numbers, ends)
        return {
            name: part.reshape(shape) for (name, shape), part in zip(tensors, parts, strict=True)
        }

    def point(self, *, threads: int | None = None, memory: Memory = None) -> Network:
        """The parameters on the run's training set, as a trained point."""
        native = self._stored.point(thread_count(threads), memory_bytes(memory))
        point = Network.__new__(Network)
        HeldPoint.__init__(point, native)
        return point

    def trace(self, name: Literal["steps", "curvature"] = "steps") -> list[Json]:
        """The lines of `steps.jsonl` or `curvature.jsonl`."""
        path = self.folder / f"{name}.jsonl"
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def measure(
        self,
        *,
        top: int = 0,
        density: bool = False,
        trace: bool = False,
        threads: int | None = None,
        memory: Memory = None,
        progress: Progress = None,
    ) -> RunResult:
        """As the command `minimascope measure`: the answer is saved in the folder."""
        if top < 0:
            raise InputError(f"top = {top}: give a number from 0")
        with reporting(progress) as report:
            found = self._stored.measure(
                question=(top, density, trace),
                threads=_threads(threads),
                memory=memory_bytes(memory),
                progress=report,
            )
        return RunResult._of_json(found)

    def stability(
        self,
        *,
        learning_rate: float | None = None,
        batch_size: BatchSize | None = None,
        momentum: float | None = None,
        sampling: Sampling | None = None,
        boundary: bool = False,
        attribution: int = 0,
        batch_sharpness: bool = False,
        quick: bool = False,
        tolerance: float | None = None,
        threads: int | None = None,
        memory: Memory = None,
        progress: Progress = None,
    ) -> Stability:
        """As the command `minimascope stability`: the answer is saved in the folder.

        What is left out is as the run has it: its (learning rate, batch size) where neither is given, its
        momentum, its sampling scheme. The other arguments are those of `minimascope.stability`. Every
        question measures the point anew; `minimascope.stability(run.point(), ...)` does it once.
        """
        question = question_of(
            self._stored.units,
            learning_rate=learning_rate,
            batch_size=batch_size,
            momentum=momentum,
            sampling=sampling,
            boundary=boundary,
            attribution=attribution,
            batch_sharpness=batch_sharpness,
            quick=quick,
            tolerance=tolerance,
        )
        memory = memory_bytes(memory, every_direction=not quick)

        def ask(changed: Json) -> Json:
            checked = question_of(self._stored.units, **changed)
            with reporting(progress) as report:
                answer = self._stored.ask(
                    json.dumps(checked),
                    threads=_threads(threads),
                    memory=memory,
                    progress=report,
                )
            return cast(Json, json.loads(answer))

        return Stability(ask(question), ask)

    def __repr__(self) -> str:
        state = "" if self._stored.outcome is None else f"\n{self.result!r}"
        return f"Run {self.id} in {self.folder}{state}"

    def _repr_html_(self) -> str:
        if self._stored.outcome is None:
            return f"<div>Run {self.id}</div>"
        return self.result._repr_html_()


def run(
    configuration: str | PathLike[str],
    *,
    learning_rate: float | None = None,
    batch_size: BatchSize | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | PathLike[str] = "runs",
    resume: bool = False,
    force: bool = False,
    threads: int | None = None,
    memory: Memory = None,
    progress: Progress = None,
) -> Run:
    """Trains a network with the engine, then measures the minimum it reached.

    Args:
        configuration: a run preset such as "fashion-mnist-fnn", or a TOML file.
        learning_rate: over the configuration's `train.learning_rate`.
        batch_size: over `train.batch_size`; "all" is gradient descent.
        seed: over `train.seed`.
        settings: any other keys over the configuration's, such as `{"train.stop.max_steps": 100}`.
            `minimascope config schema` explains all.
        out: the folder that holds run folders. A run that is finished there is not run again.
        resume: continue the run if it was interrupted.
        force: run again, even if it is finished.
        threads: all processors if left out. They change no bit of the result.
        memory: bytes (or "4G") for activations; 1 GiB if left out.
        progress: as in `measure`.

    Raises:
        InputError: for what has no meaning, in one sentence.
        KeyboardInterrupt: after a checkpoint was saved; `resume=True` continues.
    """
    if resume and force:
        raise InputError("resume and force exclude each other: give one of them")
    named = {
        "train.learning_rate": learning_rate,
        "train.batch_size": batch_size,
        "train.seed": seed,
    }
    values = {**{key: value for key, value in named.items() if value is not None}, **(settings or {})}
    out = os.fspath(out)
    with reporting(progress) as report:
        folder = _native.run_plan(
            os.fspath(configuration),
            assignments=[f"{key}={_toml(key, value)}" for key, value in values.items()],
            out=out,
            existing="resume" if resume else "restart" if force else "report",
            threads=_threads(threads),
            memory=memory_bytes(memory),
            progress=report,
        )
    return open(folder)


def open(
    name: str | PathLike[str],
    *,
    out: str | PathLike[str] = "runs",
    configuration: str | PathLike[str] | None = None,
) -> Run:
    """A run by its folder, by its id in the folder `out`, or by a `.safetensors` file of parameters.

    `configuration` is the run preset or TOML file that a lone file of parameters belongs to.
    """
    of = None if configuration is None else os.fspath(configuration)
    return Run(_native.NativeRun(os.fspath(name), out=os.fspath(out), configuration=of))


def _threads(threads: int | None) -> int:
    return thread_count(threads) or os.cpu_count() or 1


def _toml(key: str, value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, np.generic):
        return _toml(key, value.item())
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name} = {_toml(key, entry)}" for name, entry in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(key, entry) for entry in value)}]"
    raise InputError(f"{key} = {value!r}: give a number, a text, a list or a mapping")
