"""A network that the engine has, at parameters of your own."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from minimascope import _native
from minimascope._errors import InputError
from minimascope._held import HeldPoint, numbers
from minimascope._machine import Memory, memory_bytes, thread_count
from minimascope._point import Array, Precision

Loss: TypeAlias = Literal[
    "mean-squared-error", "half-sum-of-squares", "softmax-cross-entropy", "binary-logistic"
]
"""The loss of one example. `mean-squared-error` is the mean over the outputs without 1/2."""


class Network(HeldPoint):
    """A network of the engine at its parameters, with its examples: a trained point.

    `architecture`: the name of a preset (`minimascope model list`), or what a configuration has in
    `[model.architecture]`, as TOML text or as an object: `{"input": {"channels": 1, "height": 28, "width":
    28}, "layers": [{"kind": "flatten"}, {"kind": "linear", "outputs": 10}]}`.

    `inputs`: (n, channels, height, width) or (n, numbers of one input) in that order. `targets`: (n,)
    whole numbers for classes, or (n, K) numbers. `parameters`: arrays by their PyTorch names, as
    `state_dict()` of the same `torch.nn.Sequential` has them, or all of them in that order, (P,).

    `precision`: the numbers of the passes; f32 if it is left out and every parameter is an array of f32, and
    f64 otherwise. `threads`: every processor if left out. `memory`: what activations may take, in bytes or
    as "4G"; 1 GiB if left out.

    Vectors of parameter space (x, gradient, products) have PyTorch's order: each tensor flattened, one
    after the other. Everything is copied: the point stays what it was when a model trains on.
    """

    __slots__ = ()

    def __init__(
        self,
        architecture: str | Mapping[str, Any],
        loss: Loss,
        inputs: ArrayLike,
        targets: ArrayLike,
        parameters: Mapping[str, ArrayLike] | ArrayLike,
        *,
        precision: Precision | None = None,
        weight_decay: float = 0.0,
        threads: int | None = None,
        memory: Memory = None,
    ) -> None:
        text = _architecture(architecture)
        tensors, input_shape, outputs = _native.check_architecture(text)
        images = _inputs(inputs, input_shape)
        if not weight_decay >= 0.0 or weight_decay == np.inf:
            raise InputError(f"weight_decay = {weight_decay}: give a number from 0")
        super().__init__(
            _native.network_point(
                architecture=text,
                loss=loss,
                inputs=images.reshape(-1),
                targets=_targets(targets, len(images), outputs).reshape(-1),
                parameters=_parameters(parameters, tensors),
                precision=_precision(parameters) if precision is None else precision,
                weight_decay=weight_decay,
                threads=thread_count(threads),
                memory=memory_bytes(memory),
            )
        )


def _architecture(architecture: str | Mapping[str, Any]) -> str:
    """As JSON."""
    if not isinstance(architecture, str):
        return json.dumps(architecture)
    if "=" not in architecture:
        return _native.preset_architecture(architecture)
    try:
        return json.dumps(tomllib.loads(architecture))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"architecture is no TOML: {error}") from None


def _precision(parameters: Mapping[str, ArrayLike] | ArrayLike) -> Precision:
    arrays = parameters.values() if isinstance(parameters, Mapping) else [parameters]
    single = all(getattr(array, "dtype", None) == np.float32 for array in arrays)
    return "f32" if single else "f64"


def _inputs(inputs: ArrayLike, shape: tuple[int, int, int]) -> Array:
    images = np.ascontiguousarray(numbers(inputs, "inputs"))
    size = int(np.prod(shape))
    flat = images.reshape(len(images), -1) if images.ndim > 1 else images.reshape(-1, 1)
    if images.ndim == 0 or flat.shape[1] != size:
        channels, height, width = shape
        raise InputError(
            f"inputs has shape {images.shape}: give (n, {channels}, {height}, {width}) or (n, {size})"
        )
    return flat


def _targets(targets: ArrayLike, examples: int, outputs: int) -> Array:
    given = np.asarray(targets)
    if given.ndim == 1 and np.issubdtype(given.dtype, np.integer):
        classes = max(outputs, 2)
        if len(given) != examples:
            raise InputError(f"there are {len(given)} targets for {examples} inputs: give one each")
        if len(given) and not (0 <= given.min() and given.max() < classes):
            raise InputError(
                f"targets hold the class {given.min() if given.min() < 0 else given.max()}: "
                f"the network has classes 0 to {classes - 1}"
            )
        if outputs == 1:
            return given.astype(np.float64)
        one_hot: Array = np.eye(outputs)[given]
        return one_hot
    dense = np.ascontiguousarray(numbers(targets, "targets"))
    if dense.ndim == 1 and outputs == 1:
        dense = dense[:, None]
    if dense.shape != (examples, outputs):
        raise InputError(
            f"targets has shape {dense.shape}: give ({examples}, {outputs}) numbers, or ({examples},) "
            "whole numbers for classes"
        )
    return dense


def _parameters(
    parameters: Mapping[str, ArrayLike] | ArrayLike,
    tensors: list[tuple[str, list[int]]],
) -> Array:
    if not isinstance(parameters, Mapping):
        return np.ascontiguousarray(numbers(parameters, "parameters")).reshape(-1)
    names = [name for name, _ in tensors]
    missing = [name for name in names if name not in parameters]
    beyond = [name for name in parameters if name not in names]
    if missing or beyond:
        faults = [f"{', '.join(missing)} missing"] if missing else []
        faults += [f"{', '.join(beyond)} not in the network"] if beyond else []
        raise InputError(f"parameters: {'; '.join(faults)}: the network has {', '.join(names)}")
    arrays = []
    for name, shape in tensors:
        array = numbers(parameters[name], f"parameter {name}")
        if list(array.shape) != shape:
            raise InputError(
                f"parameter {name} has shape {array.shape}: the network has {tuple(shape)}"
            )
        if not np.isfinite(array).all():
            raise InputError(f"parameter {name} holds a number that is not finite: was it trained?")
        arrays.append(np.ascontiguousarray(array).reshape(-1))
    return np.concatenate(arrays)
