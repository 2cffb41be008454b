"""The examples of a point: inputs and targets, in units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map_only

from .errors import PointError


def tensors_in(tree: Any) -> list[Tensor]:
    """The tensors of a nested structure, in order."""
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]


def _apply(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    return tree_map_only(Tensor, function, tree)


@dataclass(frozen=True)
class Examples:
    """Inputs and targets whose tensors have one entry an example in dimension 0; unit u is the
    examples u·group … u·group + group − 1."""

    inputs: Any
    targets: Any
    group: int

    @property
    def count(self) -> int:
        """Units."""
        return len(tensors_in(self.targets)[0]) // self.group

    def take(self, units: Sequence[int] | range) -> Examples:
        """These units, in this order."""
        if isinstance(units, range) and units.step == 1:
            start, end = units.start * self.group, units.stop * self.group
            return Examples(
                _apply(lambda t: t[start:end], self.inputs),
                _apply(lambda t: t[start:end], self.targets),
                self.group,
            )
        first = torch.as_tensor(list(units), dtype=torch.long) * self.group
        rows = (first[:, None] + torch.arange(self.group)).flatten()
        return Examples(
            _apply(lambda t: t[rows.to(t.device)], self.inputs),
            _apply(lambda t: t[rows.to(t.device)], self.targets),
            self.group,
        )

    def to(self, dtype: torch.dtype, device: torch.device) -> Examples:
        """With floating-point tensors in this precision."""

        def move(t: Tensor) -> Tensor:
            return t.to(device, dtype) if t.is_floating_point() else t.to(device)

        return Examples(_apply(move, self.inputs), _apply(move, self.targets), self.group)

    def own_copy(self) -> Examples:
        """On memory of its own."""
        return Examples(
            _apply(lambda t: t.detach().clone(), self.inputs),
            _apply(lambda t: t.detach().clone(), self.targets),
            self.group,
        )


def examples(data: Any, units: int | Sequence[Sequence[int]] | None) -> Examples:
    """Checks (inputs, targets) and groups of examples."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise PointError(
            "the examples must be a pair (inputs, targets) of tensors; gather a DataLoader's batches "
            "into one pair first."
        )
    inputs = _apply(lambda t: t.detach(), data[0])
    targets = _apply(lambda t: t.detach(), data[1])
    found = tensors_in(inputs) + tensors_in(targets)
    if not tensors_in(inputs) or not tensors_in(targets):
        raise PointError("inputs and targets must hold at least one tensor each.")
    counts = {len(t) if t.ndim else 0 for t in found}
    if len(counts) != 1 or 0 in counts:
        raise PointError(
            f"inputs and targets have {sorted(counts)} entries in dimension 0; each tensor needs one "
            "entry an example there."
        )
    for tensor in found:
        if tensor.device.type == "meta" or not tensor.is_floating_point():
            continue
        if not bool(torch.isfinite(tensor).all()):
            raise PointError(
                "inputs or targets hold NaN or an infinite number; remove such examples first."
            )
    count = counts.pop()
    if units is None:
        return Examples(inputs, targets, 1)
    if isinstance(units, int):
        if units < 1 or count % units:
            raise PointError(
                f"units={units} does not divide {count} examples into equal groups; drop the examples "
                "that are left over."
            )
        return Examples(inputs, targets, units)
    groups = [list(group) for group in units]
    sizes = {len(group) for group in groups}
    order = [example for group in groups for example in group]
    if len(sizes) != 1 or 0 in sizes or sorted(order) != list(range(count)):
        raise PointError(
            f"units= must be groups of equal size that hold each of the {count} examples once."
        )
    rows = torch.tensor(order)
    return Examples(
        _apply(lambda t: t[rows.to(t.device)], inputs),
        _apply(lambda t: t[rows.to(t.device)], targets),
        sizes.pop(),
    )
