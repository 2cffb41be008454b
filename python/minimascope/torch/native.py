"""A PyTorch model whose layers the engine has, in the engine's words: then Rust runs it on the CPU."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from .examples import Examples
from .losses import Loss
from .model import Model

_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.SiLU: "silu",
}


@dataclass(frozen=True)
class Recognised:
    """An architecture as TOML (docs/records.md), and what the engine's network is made of. Parameters
    are views of the model's where these are contiguous, in the order of the engine's names."""

    architecture: str
    loss: str
    inputs: NDArray[Any]
    targets: NDArray[Any]
    names: list[str]
    parameters: list[NDArray[Any]]


class _Stop(Exception):
    """Why a model is not recognised."""


def recognise(model: Model, loss: Loss, data: Examples) -> Recognised | str:
    """The model in the engine's words, or why it cannot be."""
    try:
        return _recognise(model, loss, data)
    except _Stop as stop:
        return str(stop)


def _recognise(model: Model, loss: Loss, data: Examples) -> Recognised:
    if model.device.type != "cpu":
        raise _Stop(f"it lies on {model.device}, and the engine runs on the CPU")
    if loss.name is None:
        raise _Stop("its loss is a function, and the engine knows losses by name")
    if data.group != 1:
        raise _Stop("its units are groups of examples")
    if not isinstance(data.inputs, torch.Tensor) or not isinstance(data.targets, torch.Tensor):
        raise _Stop("its inputs or targets are not one tensor each")
    every = [name for name, _ in model.module.named_parameters()]
    if model.names != every:
        raise _Stop("only a part of its parameters is measured")
    if type(model.module) is not nn.Sequential:
        raise _Stop(f"{type(model.module).__name__} is not an nn.Sequential")
    shape = tuple(data.inputs.shape[1:])
    if len(shape) == 1:
        channels, height, width = shape[0], 1, 1
    elif len(shape) == 3:
        channels, height, width = shape
    else:
        raise _Stop(f"its inputs have shape {shape}, neither a vector nor channels × height × width")
    reader = _Reader(flat=len(shape) == 1)
    layers = reader.chain(model.module, "")
    text = (
        f"input = {{ channels = {channels}, height = {height}, width = {width} }}\n"
        "layers = [\n" + "".join(f"    {layer},\n" for layer in layers) + "]\n"
    )
    parameters = dict(zip(model.names, model.parameters, strict=True))
    if sorted(reader.names) != sorted(parameters):
        raise _Stop("it shares parameters between layers")
    with torch.no_grad():
        outputs = model.module(data.inputs[:1])
        targets = loss.targets_of(outputs, data.targets[:1].to(outputs.device))
        count = len(data.inputs)
        whole = loss.targets_of(outputs.expand(count, *outputs.shape[1:]), data.targets)
        del targets
    return Recognised(
        text,
        loss.name,
        data.inputs.detach().reshape(count, -1).numpy(),
        whole.detach().reshape(count, -1).numpy(),
        list(reader.names),
        [parameters[name].detach().numpy() for name in reader.names],
    )


class _Reader:
    """Walks the layers in order and names their parameters."""

    def __init__(self, flat: bool) -> None:
        self.names: list[str] = []
        self._flat = flat

    def chain(self, module: nn.Sequential, path: str) -> list[str]:
        """The layers of a chain; one inside another opens into it only if its names stay the same, so
        that it does not."""
        found: list[str] = []
        for name, layer in module.named_children():
            here = f"{path}{name}"
            if type(layer) is nn.Sequential:
                raise _Stop(f"'{here}' is a chain inside a chain; write its layers into the outer one")
            found += self._layer(layer, here)
        return found

    def _parameters(self, layer: nn.Module, path: str, bias: bool) -> str:
        self.names.append(f"{path}.weight")
        if bias:
            self.names.append(f"{path}.bias")
        return "" if bias else ", bias = false"

    def _layer(self, layer: nn.Module, path: str) -> list[str]:
        kind = type(layer)
        if kind in (nn.Identity, nn.Dropout):
            # An entry of the chain without a layer would move the engine's numbers.
            raise _Stop(f"'{path}' ({kind.__name__}) is no layer of the engine")
        if kind in _ACTIVATIONS:
            return [f'{{ kind = "activation", function = "{_ACTIVATIONS[kind]}" }}']
        if isinstance(layer, nn.GELU) and kind is nn.GELU and layer.approximate == "none":
            return ['{ kind = "activation", function = "gelu" }']
        if isinstance(layer, nn.Softplus) and kind is nn.Softplus and layer.beta == 1:
            # PyTorch's is linear beyond its threshold, where both agree to e^−20.
            return ['{ kind = "activation", function = "softplus" }']
        if isinstance(layer, nn.Flatten) and kind is nn.Flatten:
            if (layer.start_dim, layer.end_dim) != (1, -1):
                raise _Stop(f"'{path}' flattens other dimensions than all but the first")
            self._flat = True
            return ['{ kind = "flatten" }']
        if isinstance(layer, nn.Linear) and kind is nn.Linear:
            if not self._flat:
                raise _Stop(f"'{path}' (Linear) acts on the last dimension of an image; flatten it first")
            rest = self._parameters(layer, path, layer.bias is not None)
            return [f'{{ kind = "linear", outputs = {layer.out_features}{rest} }}']
        if isinstance(layer, nn.Conv2d) and kind is nn.Conv2d:
            return [self._convolution(layer, path)]
        if isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d)) and kind in (nn.MaxPool2d, nn.AvgPool2d):
            return [self._pool(layer, path)]
        if isinstance(layer, nn.AdaptiveAvgPool2d) and kind is nn.AdaptiveAvgPool2d:
            if layer.output_size not in (1, (1, 1)):
                raise _Stop(f"'{path}' pools to other sizes than 1 × 1")
            # The engine's result is a vector of channels; PyTorch's needs a Flatten after it.
            return ['{ kind = "global-average-pool" }']
        raise _Stop(f"'{path}' ({kind.__name__}) is no layer of the engine")

    def _convolution(self, layer: nn.Conv2d, path: str) -> str:
        kernel, stride = layer.kernel_size, layer.stride
        padding = layer.padding
        square = kernel[0] == kernel[1] and stride[0] == stride[1]
        if isinstance(padding, str) or padding[0] != padding[1] or not square:
            raise _Stop(f"'{path}' (Conv2d) is not square in kernel, stride and padding")
        if layer.groups != 1 or layer.dilation != (1, 1) or layer.padding_mode != "zeros":
            raise _Stop(f"'{path}' (Conv2d) has groups, dilation or a padding other than zeros")
        rest = self._parameters(layer, path, layer.bias is not None)
        return (
            f'{{ kind = "convolution", channels = {layer.out_channels}, kernel = {kernel[0]}, '
            f"stride = {stride[0]}, padding = {padding[0]}{rest} }}"
        )

    def _pool(self, layer: nn.MaxPool2d | nn.AvgPool2d, path: str) -> str:
        window, stride = _side(layer.kernel_size), _side(layer.stride)
        plain = _side(layer.padding) == 0 and not layer.ceil_mode
        if isinstance(layer, nn.MaxPool2d):
            plain = plain and _side(layer.dilation) == 1
        if window is None or stride is None or not plain:
            raise _Stop(f"'{path}' ({type(layer).__name__}) is not square, or pads, dilates or rounds up")
        word = "max-pool" if isinstance(layer, nn.MaxPool2d) else "average-pool"
        return f'{{ kind = "{word}", window = {window}, stride = {stride} }}'


def _side(value: int | Sequence[int]) -> int | None:
    if isinstance(value, int):
        return value
    return value[0] if len(set(value)) == 1 else None


def native_network(found: Recognised, weight_decay: float) -> Any:
    """The point of the Rust engine, or why there is none."""
    network = getattr(importlib.import_module("minimascope"), "Network", None)
    if network is None:
        return "the compiled package is not installed"
    return network(
        found.architecture,
        found.loss,
        found.inputs,
        found.targets,
        dict(zip(found.names, found.parameters, strict=True)),
        weight_decay=weight_decay,
    )
