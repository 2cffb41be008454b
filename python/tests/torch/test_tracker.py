"""The tracker: right numbers, no bit of the training changed, sinks and callbacks."""

from __future__ import annotations

import importlib
import json
import math
import random
from pathlib import Path
from typing import Any

import minimascope.torch as mt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from packages import needed
from torch import Tensor, nn


def data(n: int = 24) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(n, 6, generator=generator)
    return x, (x[:, 0] > 0).long()


def network() -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 2)
    )


def train(tracked: bool, steps: int = 12) -> tuple[list[Tensor], Any, mt.Tracker | None]:
    """A loop with all that a measurement could disturb: dropout, batch norm, momentum, shuffling,
    random numbers of three libraries."""
    model = network()
    x, y = data()
    tracker = None
    if tracked:
        model.eval()
        point = mt.point(model, "cross-entropy", (x, y))
        tracker = mt.Tracker(
            point, every=3, top=2, products=16, batch_size=4,
            quantities=("loss", "sharpness", "non-uniformity", "trace", "batch-sharpness"),
        )
    model.train()
    torch.manual_seed(5), np.random.seed(6), random.seed(7)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    noise = 0.0
    for step in range(steps):
        rows = torch.randperm(len(x))[:8]
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        if tracker is not None:
            tracker.step(step, optimizer=optimizer)
        optimizer.step()
        noise += float(np.random.rand()) + random.random()
    assert model.training and model[3].training
    state = [value.clone() for value in model.state_dict().values()]
    return state, (noise, torch.rand(3)), tracker


def test_no_bit_of_the_training_changes() -> None:
    plain, random_numbers, _ = train(False)
    tracked, others, tracker = train(True)
    assert tracker is not None and len(tracker.records) == 4
    assert all(torch.equal(a, b) for a, b in zip(plain, tracked, strict=True))
    assert random_numbers[0] == others[0] and torch.equal(random_numbers[1], others[1])


def test_numbers_are_those_of_dense_matrices() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = data()
    point = mt.point(model, "cross-entropy", (x.double(), y))
    tracker = mt.Tracker(
        point, every=1, top=2, products=80, tolerance=1e-8,
        quantities=("loss", "sharpness", "non-uniformity", "trace"),
    )
    record = tracker.measure(0)
    eye = np.eye(point.parameters)
    h = np.stack([point.product("hessian", e) for e in eye])
    s = np.stack([point.product("variance", e) for e in eye])
    eigenvalues = np.linalg.eigvalsh(h)
    assert record["sharpness"] == pytest.approx(eigenvalues[-1], rel=1e-8)
    assert record["sharpness_2"] == pytest.approx(eigenvalues[-2], rel=1e-8)
    assert record["non_uniformity"] == pytest.approx(math.sqrt(np.linalg.eigvalsh(s)[-1]), rel=1e-8)
    assert abs(record["trace"] - np.trace(h)) < 4 * record["trace_standard_error"]
    assert record["sharpness_converged"] and record["non_uniformity_converged"]


def test_a_warm_start_needs_fewer_products() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    x, y = data()
    tracker = mt.Tracker(
        mt.point(model, "cross-entropy", (x.double(), y)), every=1, products=80, quantities=("sharpness",)
    )
    cold = tracker.measure(0)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.001)
    warm = tracker.measure(1)
    assert warm["sharpness_converged"] and warm["products"] <= cold["products"] // 2


def test_the_budget_of_products_holds() -> None:
    x, y = data()
    tracker = mt.Tracker(
        mt.point(network().eval(), "cross-entropy", (x, y)), every=1, products=6, top=3, tolerance=1e-12
    )
    record = tracker.measure(0)
    assert record["products"] <= 6 and not record["sharpness_converged"]


def test_the_probe_set_is_the_trackers_own() -> None:
    x, y = data()
    tracker = mt.Tracker(mt.point(network().eval(), "cross-entropy", (x, y)), every=1)
    before = tracker.measure(0)
    x.zero_()
    assert tracker.measure(0)["loss"] == before["loss"]


def test_divergence_has_no_curvature() -> None:
    model = network().eval()
    tracker = mt.Tracker(mt.point(model, "cross-entropy", data()), every=1)
    with torch.no_grad():
        model[0].weight.fill_(float("inf"))
    record = tracker.measure(0)
    assert record["loss"] is None and "sharpness" not in record


class Board:
    def __init__(self) -> None:
        self.scalars: list[tuple[str, float, int]] = []

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.append((name, value, step))

    def flush(self) -> None:
        pass


class Run:
    def __init__(self) -> None:
        self.lines: list[tuple[dict[str, Any], int]] = []

    def log(self, values: dict[str, Any], step: int) -> None:
        self.lines.append((values, step))


def test_sinks(tmp_path: Path) -> None:
    board, run, seen = Board(), Run(), []
    sinks = [
        mt.log.jsonl(tmp_path / "trace.jsonl"), mt.log.tensorboard(board), mt.log.wandb(run), seen.append
    ]
    with mt.Tracker(mt.point(network().eval(), "cross-entropy", data()), every=2, log=sinks) as tracker:
        for step in range(5):
            tracker.step(step)
    lines = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    assert lines == seen == tracker.records and [line["step"] for line in lines] == [0, 2, 4]
    assert ("curvature/sharpness", lines[1]["sharpness"], 2) in board.scalars
    assert run.lines[2][1] == 4 and run.lines[2][0]["curvature/loss"] == lines[2]["loss"]


def test_parquet(tmp_path: Path) -> None:
    parquet = needed("pyarrow.parquet")
    path = tmp_path / "trace.parquet"
    with mt.Tracker(
        mt.point(network().eval(), "cross-entropy", data()), every=1, log=mt.log.parquet(path)
    ) as tracker:
        tracker.step(0), tracker.step(1)
    assert parquet.read_table(path).to_pylist() == tracker.records


def test_tensorboard_files(tmp_path: Path) -> None:
    needed("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    with mt.Tracker(
        mt.point(network().eval(), "cross-entropy", data()), every=1, log=mt.log.tensorboard(writer)
    ) as tracker:
        tracker.step(0)
    writer.close()
    assert b"curvature/sharpness" in b"".join(p.read_bytes() for p in tmp_path.iterdir())


def test_closed_sinks(tmp_path: Path) -> None:
    closed = mt.log.jsonl(tmp_path / "trace.jsonl")
    closed.close()
    with pytest.raises(OSError, match="is closed; make a new sink"):
        closed.write({"step": 0})
    with pytest.raises(OSError, match="give a file in a folder"):
        mt.log.jsonl(tmp_path / "nowhere" / "trace.jsonl")
    with pytest.raises(OSError, match="a function of a record"):
        mt.log.sink(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("no quantity", {"quantities": ["flatness"]}),
        ("at least 1", {"every": 0}),
        ("batch_size= of the loop", {"quantities": ["batch-sharpness"]}),
        ("from 1 to the 24 units", {"quantities": ["batch-sharpness"], "batch_size": 25}),
    ],
)
def test_bad_settings(words: str, options: dict[str, Any]) -> None:
    point = mt.point(network().eval(), "cross-entropy", data())
    with pytest.raises(mt.PointError, match=words):
        mt.Tracker(point, **options)


def test_lightning_callback(tmp_path: Path) -> None:
    lightning = needed("lightning.pytorch")

    class Task(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.model = network()

        def training_step(self, batch: Any, _: int) -> Tensor:
            return F.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.1)

    task = Task()
    tracker = mt.Tracker(mt.point(task.model.eval(), "cross-entropy", data()), every=2, batch_size=4)
    task.model.train()
    trainer = lightning.Trainer(
        max_epochs=2, callbacks=[mt.lightning.callback(tracker)], logger=False, accelerator="cpu",
        enable_checkpointing=False, enable_progress_bar=False, default_root_dir=str(tmp_path),
    )
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data()), batch_size=8)
    trainer.fit(task, loader)
    assert [record["step"] for record in tracker.records] == [2, 4, 6]
    assert tracker.records[0]["learning_rate"] == 0.1


def test_hugging_face_callback(tmp_path: Path) -> None:
    transformers = needed("transformers")
    settings = transformers.GPT2Config(
        vocab_size=17, n_positions=8, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    model = transformers.GPT2LMHeadModel(settings)
    tokens = torch.randint(0, 17, (8, 6))

    def each(outputs: Any, targets: Tensor) -> Tensor:
        shifted = outputs.logits[:, :-1].transpose(1, 2)
        return F.cross_entropy(shifted, targets[:, 1:], reduction="none").mean(1)

    point = mt.point(model.eval(), each, ({"input_ids": tokens}, tokens))
    tracker = mt.Tracker(point, every=1, products=8)
    rows = [{"input_ids": row, "labels": row} for row in tokens]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=2, per_device_train_batch_size=4, report_to=[], use_cpu=True,
        disable_tqdm=True, save_strategy="no",
    )
    transformers.Trainer(
        model, arguments, train_dataset=rows, callbacks=[mt.huggingface.callback(tracker)]
    ).train()
    assert [record["step"] for record in tracker.records] == [1, 2]
    assert all(record["sharpness"] > 0 for record in tracker.records)


def test_the_verdict_is_about_the_loops_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    package = importlib.import_module("minimascope")
    asked: list[dict[str, Any]] = []

    class Answer:
        verdict = "stays"

    def stability(point: mt.Point, **question: Any) -> Answer:
        asked.append(question)
        return Answer()

    monkeypatch.setattr(package, "stability", stability, raising=False)
    model = network().eval()
    tracker = mt.Tracker(
        mt.point(model, "cross-entropy", data()), every=1, quantities=("verdict",), batch_size=4
    )
    optimizer = torch.optim.SGD(model.parameters(), 0.2, momentum=0.5)
    assert tracker.measure(0, optimizer)["verdict"] == "stays"
    question = asked[0]
    assert (question["learning_rate"], question["momentum"], question["batch_size"]) == (0.2, 0.5, 4)
    with pytest.raises(mt.PointError, match="needs the loop's optimiser"):
        tracker.measure(1)
    with pytest.raises(mt.PointError, match="Adam is not an optimiser"):
        tracker.measure(1, torch.optim.Adam(model.parameters()))
