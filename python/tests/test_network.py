"""The native network: its products, and its numbers against those of the program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minimascope as ms

# 8 x 8 averages of ten images of each of two classes; all in f64.
SETTINGS = {
    "precision": "f64",
    "data": {"source": "fashion-mnist", "classes": [0, 1], "train": {"first": 20}},
    "model.architecture": {
        "input": {"channels": 1, "height": 28, "width": 28},
        "layers": [
            {"kind": "average-pool", "window": 4},
            {"kind": "convolution", "channels": 3, "kernel": 3},
            {"kind": "activation", "function": "tanh"},
            {"kind": "linear", "outputs": 2},
        ],
    },
    "train.stop.max_steps": 300,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ms.Run:
    out = tmp_path_factory.mktemp("runs")
    return ms.run(
        "fashion-mnist-fnn", learning_rate=0.1, batch_size=5, settings=SETTINGS, out=out
    )


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "minimascope", *arguments], capture_output=True, text=True
    )


def test_a_run_is_what_the_engine_reached(run: ms.Run) -> None:
    result = run.result
    assert run.folder.is_dir() and run.id == result.run == run.folder.name
    assert result.learning_rate == 0.1 and result.batch_size == 5
    assert result.outcome in ("converged", "step-limit")
    assert json.loads((run.folder / "outcome.json").read_text())["sharpness"] == (
        result.to_dict()["sharpness"]
    )
    assert run.configuration["train"]["learning_rate"] == 0.1
    assert run.trace()[-1]["step"] == result.steps
    assert ms.open(run.folder).result == result
    assert "fashion-mnist" in repr(run)


def test_a_and_s_of_a_runs_point_are_the_programs(run: ms.Run) -> None:
    found = ms.measure(run.point())
    said = program("measure", str(run.folder), "--json")
    assert said.returncode == 0, said.stderr
    record = json.loads(said.stdout)
    for quantity in ("sharpness", "non_uniformity", "train_loss", "gradient_norm"):
        assert found.to_dict()[quantity] == record[quantity] == run.result.to_dict()[quantity]
    assert run.measure().to_dict()["sharpness"] == record["sharpness"]


def test_an_answer_about_a_runs_point_is_the_programs(run: ms.Run) -> None:
    said = program(
        "stability", str(run.folder), "--learning-rate", "0.05", "--batch-size", "4", "--quick",
        "--json",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    record = json.loads(said.stdout)
    of_run = run.stability(learning_rate=0.05, batch_size=4, quick=True)
    assert of_run.to_dict() == record
    of_point = ms.stability(run.point(), learning_rate=0.05, batch_size=4, quick=True).to_dict()
    for key in ("thresholds", "verdict", "margin", "point"):
        if key == "point":
            of_point[key].pop("test_accuracy", None)
        assert of_point[key] == record[key], key


def test_parameters_have_pytorchs_names_and_order(run: ms.Run) -> None:
    parameters = run.parameters
    shapes = {name: array.shape for name, array in parameters.items()}
    assert shapes == {"1.weight": (3, 1, 3, 3), "1.bias": (3,), "3.weight": (2, 75), "3.bias": (2,)}


def images(run: ms.Run) -> tuple[ms.Array, ms.Array]:
    """Inputs and classes of the caller's own."""
    draw = np.random.default_rng(0)
    return draw.standard_normal((6, 1, 28, 28)), np.array([0, 1, 0, 1, 1, 0])


def test_products_in_pytorchs_order_are_differences_of_gradients(run: ms.Run) -> None:
    """H v against a central difference of gradients, with a convolution whose filters lie in another order."""
    inputs, targets = images(run)

    def at(parameters: ms.Array) -> ms.Network:
        return ms.Network(
            run.architecture, "softmax-cross-entropy", inputs, targets, parameters,
            precision="f64", weight_decay=0.01,
        )  # fmt: skip

    theta = np.concatenate([array.reshape(-1) for array in run.parameters.values()])
    direction = np.random.default_rng(1).standard_normal(len(theta))
    direction /= np.linalg.norm(direction)
    point, step = at(theta), 1e-4
    difference = (at(theta + step * direction).gradient() - at(theta - step * direction).gradient()) / (
        2 * step
    )
    product = point.product("hessian", direction)
    # The remainder is step^2/6 of the fourth derivative, 1e-8 of the product's size; rounding 1e-12/step.
    np.testing.assert_allclose(product, difference, rtol=0, atol=1e-6 * np.linalg.norm(product))
    # The objective and its gradient: facts have no weight decay in the loss.
    gradient = point.gradient()
    assert point.facts().gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    slope = (
        at(theta + step * direction).facts().loss - at(theta - step * direction).facts().loss
    ) / (2 * step)
    decay = 0.01 * theta @ direction
    assert slope + decay == pytest.approx(gradient @ direction, abs=1e-7)
    assert point.unit_losses().mean() == pytest.approx(point.facts().loss, rel=1e-12)


def test_parts_gram_and_factors_agree(run: ms.Run) -> None:
    inputs, targets = images(run)
    point = ms.Network(
        run.architecture, "half-sum-of-squares", inputs, targets, run.parameters, precision="f64"
    )
    x = np.random.default_rng(2).standard_normal(point.parameters)
    parts = [point.at_units([unit]) for unit in range(6)]
    assert isinstance(parts[0], ms.Network) and parts[0].units == 1
    mean = np.mean([part.product("hessian", x) for part in parts], axis=0)
    np.testing.assert_allclose(point.product("hessian", x), mean, atol=1e-11 * abs(mean).max())
    twice = [part.product("hessian", part.product("hessian", x)) for part in parts]
    moment = np.mean(twice, axis=0)
    np.testing.assert_allclose(
        point.product("second-moment", x), moment, atol=1e-11 * abs(moment).max()
    )
    gauss_newton = point.factor_transposed(point.factor_product(x)) / 6
    np.testing.assert_allclose(
        point.product("gauss-newton", x), gauss_newton, atol=1e-11 * abs(gauss_newton).max()
    )
    u = np.random.default_rng(3).standard_normal(12)
    image = point.factor_product(point.factor_transposed(u))
    np.testing.assert_allclose(point.gram() @ u, image, atol=1e-11 * abs(image).max())
    assert point.blocks().shape == (6, 2, 2)


def test_targets_as_classes_and_as_numbers_are_the_same(run: ms.Run) -> None:
    inputs, targets = images(run)
    of_classes, of_numbers = (
        ms.Network(run.architecture, "mean-squared-error", inputs.reshape(6, -1), given, run.parameters)
        for given in (targets, np.eye(2)[targets])
    )
    assert of_classes.facts() == of_numbers.facts()


def test_the_precision_is_that_of_the_parameters(run: ms.Run) -> None:
    inputs, targets = images(run)
    single = {name: array.astype(np.float32) for name, array in run.parameters.items()}
    loss: ms.Loss = "mean-squared-error"
    for parameters, precision in ((single, "f32"), (run.parameters, "f64")):
        point = ms.Network(run.architecture, loss, inputs, targets, parameters)
        assert point.precision == precision
    assert ms.Network(run.architecture, loss, inputs, targets, single, precision="f64").precision == "f64"


def test_an_architecture_is_toml_too() -> None:
    text = "input = { channels = 4, height = 1, width = 1 }\nlayers = [{ kind = 'linear', outputs = 3 }]"
    point = ms.Network(text, "mean-squared-error", np.ones((2, 4)), [0, 2], np.zeros(15))
    assert point.facts().loss == pytest.approx(1 / 3)


def test_a_preset_is_an_architecture() -> None:
    zeros = np.zeros(7_850)
    point = ms.Network("linear", "softmax-cross-entropy", np.ones((3, 784)), [0, 1, 9], zeros)
    assert (point.parameters, point.outputs) == (7_850, 10)
    assert point.facts().loss == pytest.approx(np.log(10), rel=1e-6)


def test_an_unfinished_run_says_how_to_continue(run: ms.Run, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    for name in ("config.toml", "checkpoint.safetensors", "final.safetensors"):
        if (run.folder / name).exists():
            (stopped / name).write_bytes((run.folder / name).read_bytes())
    with pytest.raises(ms.InputError, match="resume=True"):
        ms.open(stopped).result
