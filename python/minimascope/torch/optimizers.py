"""What the theory needs of an optimiser: η, β and λ, read from `torch.optim`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .errors import PointError


@dataclass(frozen=True)
class OptimizerState:
    """θ ← θ − η m, m ← β m + ∇f_B + λθ."""

    learning_rate: float
    momentum: float
    weight_decay: float


def read(optimizer: torch.optim.Optimizer) -> OptimizerState:
    """η, momentum and weight decay of SGD. Anything else is not an optimiser of the theory."""
    kind = type(optimizer).__name__
    if not isinstance(optimizer, torch.optim.SGD):
        raise PointError(
            f"{kind} is not an optimiser of the theory, which knows SGD and its heavy ball; leave "
            "optimizer= out to measure the point, and ask the verdict for an SGD of your choice."
        )
    found: dict[str, Any] = {}
    for name, words in (
        ("lr", "learning rates"),
        ("momentum", "momenta"),
        ("weight_decay", "weight decays"),
        ("dampening", "dampenings"),
        ("nesterov", "settings of nesterov"),
    ):
        values = {float(group[name]) for group in optimizer.param_groups}
        if len(values) > 1:
            listed = ", ".join(f"{value:g}" for value in sorted(values))
            raise PointError(
                f"the groups of {kind} have different {words} ({listed}); the theory knows one for all "
                "parameters: measure the groups apart with parameters=."
            )
        found[name] = values.pop()
    if found["nesterov"]:
        raise PointError("Nesterov's momentum is not in the theory; ask for the heavy ball (nesterov=False).")
    if found["dampening"] and found["momentum"]:
        raise PointError("dampening is not in the theory; ask for the heavy ball with dampening=0.")
    if any(group.get("maximize", False) for group in optimizer.param_groups):
        raise PointError("an optimiser with maximize=True climbs; negate the loss instead.")
    return OptimizerState(found["lr"], found["momentum"], found["weight_decay"])
