"""LSTM, GRU and RNN from their cells: one linear layer over the whole sequence for the inputs, and one
a step for the state. PyTorch's own have no second derivative on a GPU, and vmap has no rule for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import PointError

if TYPE_CHECKING:
    from .recorder import Recorder

State = tuple[Tensor, ...]
Cell = Callable[[Tensor, Tensor, Any, State], State]


def _lstm_cell(x: Tensor, weight: Tensor, bias: Any, state: State) -> State:
    i, f, g, o = (x + F.linear(state[0], weight, bias)).chunk(4, 1)
    c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _gru_cell(x: Tensor, weight: Tensor, bias: Any, state: State) -> State:
    h = state[0]
    r, z, n = x.chunk(3, 1)
    own_r, own_z, own_n = F.linear(h, weight, bias).chunk(3, 1)
    new = torch.tanh(n + torch.sigmoid(r + own_r) * own_n)
    update = torch.sigmoid(z + own_z)
    return ((1 - update) * new + update * h,)


def _rnn_cell(activation: Callable[[Tensor], Tensor]) -> Cell:
    return lambda x, weight, bias, state: (activation(x + F.linear(state[0], weight, bias)),)


_CELLS: dict[str, Cell] = {
    "lstm": _lstm_cell,
    "gru": _gru_cell,
    "rnn_tanh": _rnn_cell(torch.tanh),
    "rnn_relu": _rnn_cell(torch.relu),
}


def _direction(
    cell: Cell, x: Tensor, state: State, weights: Sequence[Any], backwards: bool
) -> tuple[Tensor, State]:
    """x is time × batch × features."""
    inner, own, inner_bias, own_bias = weights
    inputs = F.linear(x, inner, inner_bias).unbind(0)
    outputs: list[Tensor] = []
    for step in reversed(inputs) if backwards else inputs:
        state = cell(step, own, own_bias, state)
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if backwards else outputs), state


def recurrent(
    recorder: Recorder, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """What `torch.lstm`, `gru`, `rnn_tanh` and `rnn_relu` compute."""
    name = function.__name__
    if kwargs or len(args) != 9 or not isinstance(args[2], (list, tuple)):
        raise PointError(
            "an RNN takes packed sequences, which a point cannot split into examples. Pad them to one "
            "length and mask the loss."
        )
    x, given, weights, biases, layers, dropout, training, both, batch_first = args
    if training and dropout > 0 and layers > 1:
        raise PointError("an RNN drops out units at random. Call model.eval() first.")
    states: State = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    a_layer = 4 if biases else 2
    projected = len(weights) != a_layer * layers * (2 if both else 1)
    if projected:
        raise PointError(
            "an LSTM with proj_size has no rule here. Use a linear layer after it, or leave its "
            "parameters out with parameters=."
        )
    with recorder.entered():
        x = x.transpose(0, 1) if batch_first else x
        ends: list[State] = []
        for layer in range(layers):
            outputs: list[Tensor] = []
            for backwards in (False, True) if both else (False,):
                place = len(ends)
                own = list(weights[place * a_layer : (place + 1) * a_layer])
                start = tuple(state[place] for state in states)
                out, end = _direction(
                    _CELLS[name], x, start, own if biases else [*own, None, None], backwards
                )
                outputs.append(out)
                ends.append(end)
            x = torch.cat(outputs, 2) if both else outputs[0]
        x = x.transpose(0, 1) if batch_first else x
        last = tuple(torch.stack([end[part] for end in ends]) for part in range(len(states)))
    return (x, *last)
