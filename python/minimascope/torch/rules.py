"""The rules: how each operation uses its parameters.

To add one, write its function and give it a line of `RULES` (an operation with parameters) or of
`COMPOSITIONS` (an operation that is written out in operations that have rules). A rule answers
`NotImplemented` where it does not fit, and vmap over units takes the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .affine import Affine, Convolution, Linear, Lookup, Piece
from .attention import multi_head_attention
from .layout import Layout
from .recorder import Call, Recorder, Rule
from .recurrent import recurrent


def _arguments(call: Call, names: str, **defaults: Any) -> dict[str, Any]:
    """The call's arguments by name."""
    order = names.split()
    bound = dict(zip(order, call.arguments, strict=False))
    bound.update(call.keywords)
    return {**defaults, **bound}


def _piece(recorder: Recorder, tensor: Any) -> Piece | None | Any:
    """The piece of a parameter; nothing for a constant; NotImplemented for what is computed from
    parameters otherwise."""
    tracked = recorder.tracked(tensor)
    if tracked is None:
        return None
    return NotImplemented if tracked.piece is None else tracked.piece


def _affine(
    recorder: Recorder, x: Tensor, weight: Any, bias: Any, affine: Affine, y: Callable[[], Tensor]
) -> Any:
    pieces = _piece(recorder, weight), _piece(recorder, bias)
    if NotImplemented in pieces or recorder.tracked(x) is not None:
        return NotImplemented
    return recorder.use(affine, x, y(), *pieces)


def linear(recorder: Recorder, call: Call) -> Any:
    given = _arguments(call, "input weight bias", bias=None)
    x, weight, bias = given["input"], given["weight"], given["bias"]
    return _product(recorder, call, x, weight, bias, transposed=False)


def _product(
    recorder: Recorder, call: Call, x: Any, weight: Tensor, bias: Any, transposed: bool
) -> Any:
    x_layout, y_layout = call.layout(x), call.plan.outputs[0]
    if x_layout is None or y_layout is None or x_layout.dim == x.ndim - 1 or weight.ndim != 2:
        return NotImplemented
    affine = Linear(x_layout, y_layout, transposed)
    return _affine(
        recorder, x, weight, bias, affine, lambda: call.function(*call.arguments, **call.keywords)
    )


def matrix_product(recorder: Recorder, call: Call) -> Any:
    """x @ W with a matrix W."""
    given = _arguments(call, "input other")
    x = given["input"]
    weight = given.get("other", given.get("mat2"))
    if not isinstance(weight, Tensor) or recorder.tracked(weight) is None:
        return NotImplemented
    return _product(recorder, call, x, weight, None, transposed=True)


def added_product(recorder: Recorder, call: Call) -> Any:
    """b + x @ W, as GPT-2 writes its linear layers."""
    given = _arguments(call, "input mat1 mat2", beta=1, alpha=1)
    if given["beta"] != 1 or given["alpha"] != 1 or given["input"].ndim != 1:
        return NotImplemented
    return _product(recorder, call, given["mat1"], given["mat2"], given["input"], transposed=True)


def _pair(value: Any, flat: bool) -> tuple[int, int]:
    values = (value,) if isinstance(value, int) else tuple(value)
    if flat:
        return 0, values[-1]
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


def convolution(recorder: Recorder, call: Call) -> Any:
    names = "input weight bias stride padding dilation groups"
    given = _arguments(call, names, bias=None, stride=1, padding=0, dilation=1, groups=1)
    x, weight = given["input"], given["weight"]
    flat = weight.ndim == 3
    x_layout, y_layout = call.layout(x), call.plan.outputs[0]
    if x_layout is None or x_layout.dim != 0 or y_layout is None or x.ndim != weight.ndim:
        return NotImplemented
    kernel = (1, weight.shape[-1]) if flat else (weight.shape[-2], weight.shape[-1])
    stride, dilation = _pair(given["stride"], flat), _pair(given["dilation"], flat)
    if isinstance(given["padding"], str):
        if given["padding"] == "valid":
            padding = (0, 0)
        else:
            reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
            if any(r % 2 for r in reach[1 if flat else 0 :]):
                return NotImplemented
            padding = (reach[0] // 2, reach[1] // 2)
    else:
        padding = _pair(given["padding"], flat)
    if flat:
        stride, dilation, padding = (1, stride[1]), (1, dilation[1]), (0, padding[1])
    affine = Convolution(
        x_layout, y_layout, kernel, stride, padding, dilation, given["groups"], flat
    )
    return _affine(
        recorder,
        x,
        weight,
        given["bias"],
        affine,
        lambda: call.function(*call.arguments, **call.keywords),
    )


def embedding(recorder: Recorder, call: Call) -> Any:
    names = "input weight padding_idx max_norm norm_type scale_grad_by_freq sparse"
    given = _arguments(call, names, padding_idx=None, max_norm=None, scale_grad_by_freq=False)
    index, weight, padding = given["input"], given["weight"], given["padding_idx"]
    x_layout, y_layout = call.layout(index), call.plan.outputs[0]
    if given["max_norm"] is not None or given["scale_grad_by_freq"]:
        return NotImplemented
    if x_layout is None or y_layout is None:
        return NotImplemented
    if padding is not None and padding < 0:
        padding += weight.shape[0]
    affine = Lookup(x_layout, y_layout, padding)
    # Never the sparse form: sparse gradients have no second derivative.
    return _affine(
        recorder, index, weight, None, affine, lambda: F.embedding(index, weight, padding)
    )


def _elementwise(
    recorder: Recorder, function: Callable[..., Any], x: Tensor, layout: Layout, other: Tensor,
    swapped: bool = False,
) -> Any:
    """x ∘ p, elementwise with broadcasting over the units, p with one copy a unit."""
    tracked = recorder.tracked(other)
    assert tracked is not None
    missing = x.ndim - other.ndim
    if not layout.plain or missing < 0:
        return NotImplemented
    if layout.dim >= missing and other.shape[layout.dim - missing] != 1:
        return NotImplemented
    copies = recorder.copies(tracked)
    copies = copies.reshape(recorder.units, *(1,) * missing, *other.shape)
    # Dimension layout.dim + 1 has one entry: the units take its place.
    copies = copies.movedim(0, layout.dim).squeeze(layout.dim + 1)
    return function(copies, x) if swapped else function(x, copies)


def elementwise(recorder: Recorder, call: Call) -> Any:
    tensors = [(p, leaf) for p, leaf in enumerate(call.leaves) if isinstance(leaf, Tensor)]
    if len(tensors) != 2 or call.arguments[0] is not call.leaves[0]:
        return NotImplemented
    tracked = [recorder.tracked(leaf) is not None for _, leaf in tensors]
    if tracked == [True, True]:
        return NotImplemented
    swapped = tracked[0]
    (_, other), (place, x) = tensors if swapped else tensors[::-1]
    layout = call.plan.inputs[place]
    if layout is None:
        return NotImplemented

    def function(a: Tensor, b: Tensor) -> Any:
        return call.function(a, b, *call.arguments[2:], **call.keywords)

    if len(call.arguments) < 2:
        return NotImplemented
    return _elementwise(recorder, function, x, layout, other, swapped)


def _scaled(
    recorder: Recorder, call: Call, plain: Tensor, weight: Any, bias: Any, trailing: int
) -> Any:
    """plain · weight + bias with `trailing` dimensions of size 1 after each."""
    layout = call.plan.outputs[0]
    if layout is None or not layout.plain:
        return NotImplemented
    result = plain
    for function, parameter in ((torch.mul, weight), (torch.add, bias)):
        if parameter is None:
            continue
        tracked = recorder.tracked(parameter)
        if tracked is None:
            result = function(result, parameter.reshape(*parameter.shape, *(1,) * trailing))
            continue
        copies = recorder.copies(tracked)
        missing = result.ndim - parameter.ndim - trailing
        shape = (recorder.units, *(1,) * missing, *parameter.shape, *(1,) * trailing)
        copies = copies.reshape(shape).movedim(0, layout.dim).squeeze(layout.dim + 1)
        result = function(result, copies)
    return result


def layer_norm(recorder: Recorder, call: Call) -> Any:
    names = "input normalized_shape weight bias eps"
    given = _arguments(call, names, weight=None, bias=None, eps=1e-5)
    plain = F.layer_norm(given["input"], given["normalized_shape"], None, None, given["eps"])
    return _scaled(recorder, call, plain, given["weight"], given["bias"], 0)


def rms_norm(recorder: Recorder, call: Call) -> Any:
    given = _arguments(call, "input normalized_shape weight eps", weight=None, eps=None)
    plain = F.rms_norm(given["input"], given["normalized_shape"], None, given["eps"])
    return _scaled(recorder, call, plain, given["weight"], None, 0)


def group_norm(recorder: Recorder, call: Call) -> Any:
    given = _arguments(
        call, "input num_groups weight bias eps", weight=None, bias=None, eps=1e-5
    )
    x = given["input"]
    plain = F.group_norm(x, given["num_groups"], None, None, given["eps"])
    return _scaled(recorder, call, plain, given["weight"], given["bias"], x.ndim - 2)


def batch_norm(recorder: Recorder, call: Call) -> Any:
    names = "input running_mean running_var weight bias training momentum eps"
    given = _arguments(
        call, names, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
    )
    if given["training"]:
        return NotImplemented
    x = given["input"]
    plain = F.batch_norm(x, given["running_mean"], given["running_var"], eps=given["eps"])
    return _scaled(recorder, call, plain, given["weight"], given["bias"], x.ndim - 2)


_ELEMENTWISE: list[Any] = [
    getattr(space, name + end)
    for name in ("add", "sub", "mul", "div")
    for space, end in ((torch, ""), (torch.Tensor, ""), (torch.Tensor, "_"))
] + [
    getattr(torch.Tensor, name)
    for name in ("__radd__", "__rmul__", "__add__", "__mul__", "__sub__", "__truediv__")
]

RULES: dict[Any, Rule] = {
    F.linear: linear,
    torch.matmul: matrix_product,
    torch.Tensor.matmul: matrix_product,
    torch.Tensor.__matmul__: matrix_product,
    torch.mm: matrix_product,
    torch.Tensor.mm: matrix_product,
    torch.addmm: added_product,
    F.conv1d: convolution,
    F.conv2d: convolution,
    F.embedding: embedding,
    F.layer_norm: layer_norm,
    F.rms_norm: rms_norm,
    F.group_norm: group_norm,
    F.batch_norm: batch_norm,
    **dict.fromkeys(_ELEMENTWISE, elementwise),
}

def plain_weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """g v/‖v‖. The second derivative of PyTorch's fused form (2.15) is wrong in v without a word."""
    over = [d for d in range(v.ndim) if d != dim % v.ndim] if dim != -1 else list(range(v.ndim))
    return v * (g / v.square().sum(over, keepdim=True).sqrt())


def _weight_norm(
    recorder: Recorder, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    with recorder.entered():
        return plain_weight_norm(*args, **kwargs)


Composition = Callable[[Recorder, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]

COMPOSITIONS: dict[Any, Composition] = {
    F.multi_head_attention_forward: multi_head_attention,
    torch.lstm: recurrent,
    torch.gru: recurrent,
    torch.rnn_tanh: recurrent,
    torch.rnn_relu: recurrent,
    torch._weight_norm: _weight_norm,
}
