"""Losses: one number for each example, and the square root of its second derivative in the outputs.

The names and normalisations are those of the engine (docs/records.md): the mean over K outputs without
½ and the half sum differ by 2/K in every curvature.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import PointError
from .examples import tensors_in

LossFunction = Callable[[Any, Any], Tensor]

NAMES = {
    "mse": "mean-squared-error",
    "mean-squared-error": "mean-squared-error",
    "half-sum-of-squares": "half-sum-of-squares",
    "cross-entropy": "softmax-cross-entropy",
    "softmax-cross-entropy": "softmax-cross-entropy",
    "binary-logistic": "binary-logistic",
}


def output_tensor(outputs: Any) -> Tensor:
    """The one tensor of outputs that a named loss takes: the outputs, or their `logits`."""
    found = getattr(outputs, "logits", outputs)
    if isinstance(found, dict):
        found = found.get("logits", found)
    if not isinstance(found, Tensor):
        raise PointError(
            "a named loss needs a model that gives one tensor (or has .logits); give a function "
            "loss(outputs, targets) -> one number per example instead."
        )
    return found


class Loss:
    """A loss by name or by function."""

    def __init__(self, given: str | LossFunction) -> None:
        if isinstance(given, str):
            if given not in NAMES:
                raise PointError(
                    f"the loss '{given}' is not known; take one of {', '.join(sorted(NAMES))}, or a "
                    "function loss(outputs, targets) -> one number per example."
                )
            self.name: str | None = NAMES[given]
            self.function: LossFunction = self._named
        elif isinstance(given, torch.nn.Module) and getattr(given, "reduction", None) in (
            "mean",
            "sum",
        ):
            raise PointError(
                f"{type(given).__name__} with reduction='{given.reduction}' gives one number for all "
                "examples, so that H_i and with it Σ do not exist; build it with reduction='none' and "
                "average over all dimensions but the first."
            )
        elif callable(given):
            self.name, self.function = None, given
        else:
            raise PointError("the loss must be a name or a function of (outputs, targets).")

    def each(self, outputs: Any, targets: Any, examples: int, units: int) -> Tensor:
        """ℓ of each unit: the mean over its examples."""
        losses = self.function(outputs, targets)
        if not isinstance(losses, Tensor) or losses.ndim == 0:
            raise PointError(
                "the loss gives one number for all examples, so that H_i and with it Σ do not exist; "
                "let it give one number per example (reduction='none', then the mean over all "
                "dimensions but the first)."
            )
        if losses.shape not in ((examples,), (units,)):
            raise PointError(
                f"the loss has shape {tuple(losses.shape)} for {examples} examples; it must have one "
                "number per example: average over all dimensions but the first."
            )
        return losses if len(losses) == units else torch.unflatten(losses, 0, (units, -1)).mean(1)

    def targets_of(self, z: Tensor, targets: Any) -> Tensor:
        """The targets as numbers: class numbers become unit vectors."""
        tensors = tensors_in(targets)
        if len(tensors) != 1:
            raise PointError("a named loss needs targets that are one tensor.")
        y = tensors[0]
        if self.name == "binary-logistic":
            if z[0].numel() != 1:
                raise PointError(
                    f"binary-logistic needs a model with one output, not {z[0].numel()}; take "
                    "cross-entropy."
                )
            return y.reshape(z.shape).to(z.dtype)
        if not y.is_floating_point() and y.ndim == 1 and z.ndim == 2:
            if self.name == "softmax-cross-entropy" or z.shape[1] > 1:
                if int(y.min()) < 0 or int(y.max()) >= z.shape[1]:
                    raise PointError(
                        f"targets name classes {int(y.min())} to {int(y.max())}, and the model has "
                        f"{z.shape[1]} outputs; drop ignored examples, or give the loss as a function."
                    )
                return F.one_hot(y, z.shape[1]).to(z.dtype)
        if self.name == "softmax-cross-entropy" and (z.ndim != 2 or z.shape[1] < 2):
            raise PointError(
                f"cross-entropy takes outputs of shape examples × classes, not {tuple(z.shape)}; for "
                "sequences give a function with one loss per sequence."
            )
        if y.numel() != z.numel():
            raise PointError(
                f"targets have shape {tuple(y.shape)} and outputs {tuple(z.shape)}; give targets of "
                "the same shape, or class numbers."
            )
        return y.reshape(z.shape).to(z.dtype)

    def _named(self, outputs: Any, targets: Any) -> Tensor:
        z = output_tensor(outputs)
        y = self.targets_of(z, targets)
        z, y = z.flatten(1) if z.ndim > 1 else z[:, None], y.reshape(len(y), -1)
        if self.name == "mean-squared-error":
            return ((z - y) ** 2).mean(1)
        if self.name == "half-sum-of-squares":
            return ((z - y) ** 2).sum(1) / 2
        if self.name == "softmax-cross-entropy":
            return -(y * F.log_softmax(z, 1)).sum(1)
        return (y * F.softplus(-z) + (1 - y) * F.softplus(z)).sum(1)

    def accuracy(self, outputs: Any, targets: Any) -> Tensor | None:
        """Whether each example is classified as labelled; nothing where there are no classes."""
        try:
            z = output_tensor(outputs)
        except PointError:
            return None
        tensors = tensors_in(targets)
        if len(tensors) != 1 or len(tensors[0]) != len(z):
            return None
        y = tensors[0]
        z = z.reshape(len(z), -1) if self.name is not None or z.ndim == 1 else z
        if z.ndim != 2:
            return None
        if z.shape[1] == 1:
            if self.name != "binary-logistic":
                return None
            return (z[:, 0] > 0) == (y.reshape(len(y)) > 0.5)
        if not y.is_floating_point() and y.ndim == 1:
            return z.argmax(1) == y
        hard = y.shape == z.shape and bool((((y == 0) | (y == 1)).all(1) & (y.sum(1) == 1)).all())
        return z.argmax(1) == y.argmax(1) if hard else None


def root(name: str, z: Tensor, y: Tensor) -> Tensor:
    """B with B Bᵀ = ∂²ℓ/∂z² for each example of a named loss: examples × K × K. For the softmax it
    is √m (diag(√p) − p √pᵀ) with targets of mass m: its square telescopes to m (diag(p) − p pᵀ)."""
    count, outputs = z.shape
    one = torch.eye(outputs, dtype=z.dtype, device=z.device).expand(count, outputs, outputs)
    if name == "mean-squared-error":
        return one * math.sqrt(2 / outputs)
    if name == "half-sum-of-squares":
        return one
    if name == "binary-logistic":
        return (torch.sigmoid(z) * torch.sigmoid(-z)).sqrt()[:, :, None]
    p = torch.softmax(z, 1)
    mass = y.sum(1).sqrt()[:, None, None]
    return mass * (torch.diag_embed(p.sqrt()) - p[:, :, None] * p.sqrt()[:, None, :])
