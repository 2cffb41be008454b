"""`minimascope.torch.point`: from a model, a loss and examples to a checked point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import nn

from .chunks import chunks
from .errors import PointError, explained
from .examples import examples
from .losses import Loss, LossFunction
from .model import Model, Predicate
from .native import native_network, recognise
from .optimizers import read
from .point import Point
from .structure import structure
from .verify import check_modes, verify, verify_double


def point(
    model: nn.Module,
    loss: str | LossFunction,
    data: tuple[Any, Any],
    *,
    parameters: Predicate | None = None,
    units: int | Sequence[Sequence[int]] | None = None,
    weight_decay: float | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    memory: int | None = None,
    coupled: bool = False,
    engine: Literal["auto", "native", "torch"] = "torch",
    verify_in: Literal["model", "f64"] = "model",
) -> Any:
    """A PyTorch model at its parameters, as a point that `minimascope` measures and judges.

    Args:
        model: any module, in the mode in which it is to be measured (usually `model.eval()`). It is
            called with the inputs: a tensor, a dict (as keywords), or a tuple (as arguments).
        loss: "mse" (mean over outputs, the study's), "half-sum-of-squares", "cross-entropy",
            "binary-logistic", or a function loss(outputs, targets) -> one number per example.
        data: (inputs, targets); every tensor has one entry an example in dimension 0. Class numbers
            are accepted as targets.
        parameters: which parameters to measure, called with (name, parameter); those with
            `requires_grad` if absent.
        units: fixed groups of examples that no batch cuts: their size, or lists of examples. The loss
            of a group is the mean over its examples.
        weight_decay: λ of (λ/2)‖θ‖²; the optimiser's if one is given, else 0.
        optimizer: a `torch.optim.SGD`, for η, momentum and weight decay.
        memory: bytes that a product may hold; 2 GiB, or half of a GPU, if absent.
        coupled: accept a model that couples all examples (batch norm in training mode). Its sharpness
            is then measured; what needs single examples is refused.
        engine: "native" runs a model whose layers the engine has in Rust on the CPU, "auto" where it
            can, "torch" never. The result says which it is.
        verify_in: the precision of the checks at construction.

    Raises:
        PointError: one sentence that says what is wrong and what to do.
    """
    if engine not in ("auto", "native", "torch"):
        raise PointError(f"engine='{engine}' is not known; take 'auto', 'native' or 'torch'.")
    found = Model(model, parameters)
    given = Loss(loss)
    state = None if optimizer is None else read(optimizer)
    decay = weight_decay if weight_decay is not None else (state.weight_decay if state else 0.0)
    if not (decay >= 0 and decay < float("inf")):
        raise PointError(f"weight_decay={decay} must be a number of at least 0.")
    data_found = examples(data, units)
    found.check_device(data_found)
    if not coupled:
        check_modes(found.module)
    why = ""
    if engine != "torch":
        recognised = recognise(found, given, data_found)
        native = recognised if isinstance(recognised, str) else native_network(recognised, decay)
        if not isinstance(native, str):
            return native
        if engine == "native":
            raise PointError(f"the engine cannot run this model: {native}; take engine='torch'.")
        why = f": {native}"
    try:
        with found.as_found():
            layers = None if coupled else structure(found, given, data_found)
            differences = verify(found, given, data_found, layers)
            if verify_in == "f64" and found.dtype != torch.float64:
                differences.update(verify_double(found, given, data_found, layers))
            cut = None if layers is None else chunks(found, given, data_found, layers, memory)
    except (RuntimeError, NotImplementedError) as error:
        better = explained(error)
        if better is error:
            raise
        raise better from error
    made = Point(found, given, data_found, layers, cut, decay, state)
    made.verified = differences
    made.engine = f"torch{why}"
    return made
