"""The recognition of models whose layers the engine has."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import minimascope.torch as mt
import numpy as np
import pytest
import torch
from minimascope.torch.examples import examples
from minimascope.torch.losses import Loss
from minimascope.torch.model import Model
from minimascope.torch.native import Recognised, recognise
from packages import needed
from torch import Tensor, nn

PRESETS = Path(__file__).parents[3] / "crates" / "net" / "presets"


def fnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU(),
        nn.Linear(500, 500), nn.ReLU(), nn.Linear(500, 10),
    )


def vgg() -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for channels in (16, 16, 32, 64, 64):
        layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        before = channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2))


def lenet5() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
        nn.Linear(84, 10),
    )


def seen(model: nn.Module, x: Tensor, y: Tensor, loss: Any = "mse") -> Recognised | str:
    return recognise(Model(model, None), Loss(loss), examples((x, y), None))


def with_defaults(value: Any) -> Any:
    """Every setting written out."""
    layers = []
    for layer in value["layers"]:
        defaults: dict[str, Any] = {}
        if layer["kind"] == "convolution":
            defaults = {"stride": 1, "padding": 0, "bias": True}
        if layer["kind"] == "linear":
            defaults = {"bias": True}
        if layer["kind"].endswith("pool") and "window" in layer:
            defaults = {"stride": layer["window"]}
        layers.append({**defaults, **layer})
    return {"input": value["input"], "layers": layers}


@pytest.mark.parametrize(
    ("preset", "build", "shape", "outputs"),
    [
        ("fashion-mnist-fnn", fnn, (1, 28, 28), 10),
        ("cifar10-vgg", vgg, (3, 32, 32), 2),
        ("lenet5", lenet5, (1, 28, 28), 10),
    ],
)
def test_presets_are_recognised(preset: str, build: Any, shape: tuple[int, ...], outputs: int) -> None:
    model, x = build(), torch.rand(3, *shape)
    found = seen(model, x, torch.arange(3) % outputs)
    assert isinstance(found, Recognised)
    expected = tomllib.loads((PRESETS / f"{preset}.toml").read_text())
    assert with_defaults(tomllib.loads(found.architecture)) == with_defaults(expected)
    assert found.loss == "mean-squared-error"
    state = model.state_dict()
    assert found.names == list(state)
    for name, values in zip(found.names, found.parameters, strict=True):
        assert values.base is not None and np.shares_memory(values, state[name].numpy())
    assert np.array_equal(found.targets, np.eye(outputs)[np.arange(3) % outputs])
    assert np.array_equal(found.inputs, x.reshape(3, -1).numpy())


@pytest.mark.parametrize(
    ("words", "model", "loss"),
    [
        ("no layer of the engine", nn.Sequential(nn.Linear(4, 2), nn.ELU()), "mse"),
        ("no layer of the engine", nn.Sequential(nn.Linear(4, 2), nn.GELU(approximate="tanh")), "mse"),
        ("not an nn.Sequential", nn.Linear(4, 2), "mse"),
        ("chain inside", nn.Sequential(nn.Sequential(nn.Linear(4, 2))), "mse"),
        ("loss is a function", nn.Sequential(nn.Linear(4, 2)), lambda z, y: (z - y).square().sum(1)),
    ],
)
def test_what_is_not_recognised(words: str, model: nn.Module, loss: Any) -> None:
    found = seen(model, torch.rand(3, 4), torch.rand(3, 2), loss)
    assert isinstance(found, str) and words in found


def test_layers_with_other_settings_are_not_recognised() -> None:
    class Twice(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    x = torch.rand(3, 2, 6, 6)
    for layer in (
        nn.Conv2d(2, 2, 3, groups=2), nn.Conv2d(2, 2, 3, dilation=2), nn.Conv2d(2, 2, (1, 3)),
        nn.Conv2d(2, 2, 3, padding="same"), nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        nn.MaxPool2d(3, padding=1), nn.MaxPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d(2),
        nn.Linear(6, 2), nn.Flatten(2),
    ):
        found = seen(nn.Sequential(nn.Conv2d(2, 2, 1), layer), x, torch.rand(3, 2))
        assert isinstance(found, str)
    assert isinstance(seen(nn.Sequential(Twice(4, 2)), torch.rand(3, 4), torch.rand(3, 2)), str)
    tied = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    tied[2].weight = tied[0].weight
    assert isinstance(seen(tied, torch.rand(3, 4), torch.rand(3, 4)), str)


@pytest.mark.parametrize("build", [fnn, vgg, lenet5])
def test_both_engines_give_the_same_numbers(build: Any) -> None:
    if not hasattr(needed("minimascope"), "Network"):
        message = "the compiled package is missing: pip install ./python"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    shape, outputs = ((3, 32, 32), 2) if build is vgg else ((1, 28, 28), 10)
    model = build().double()
    data = torch.rand(20, *shape).double(), torch.arange(20) % outputs
    ours = mt.point(model, "mse", data)
    native = mt.point(model, "mse", data, engine="auto")
    assert not isinstance(native, mt.Point)
    v = np.random.default_rng(0).standard_normal(ours.parameters)
    for matrix in ("hessian", "gauss-newton", "second-moment", "variance"):
        a, b = np.asarray(native.product(matrix, v)), ours.product(matrix, v)
        assert np.linalg.norm(a - b) <= 1e-10 * np.linalg.norm(b)
