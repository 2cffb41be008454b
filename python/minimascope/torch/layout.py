"""Where the units of a chunk stand in a tensor."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import PointError


@dataclass(frozen=True)
class Layout:
    """Dimension `dim` of a tensor has outer · m · inner entries, m the units of the chunk; entry
    (o, i, j) belongs to unit i. Batch first is outer = inner = 1, and positions flattened into the
    batch, example after example, are inner = positions.
    """

    dim: int
    outer: int = 1
    inner: int = 1

    @property
    def plain(self) -> bool:
        """Whether the dimension counts units alone."""
        return self.outer == 1 and self.inner == 1

    def to_front(self, tensor: Tensor, units: int) -> Tensor:
        """units × (the tensor of one unit, with outer · inner entries in dimension `dim`)."""
        if self.outer == 1:
            split = tensor if self.inner == 1 else torch.unflatten(tensor, self.dim, (units, self.inner))
            moved = split.movedim(self.dim, 0)
            return moved.unsqueeze(self.dim + 1) if self.inner == 1 else moved
        split = torch.unflatten(tensor, self.dim, (self.outer, units, self.inner))
        return split.movedim(self.dim + 1, 0).flatten(self.dim + 1, self.dim + 2)

    def from_front(self, tensor: Tensor, units: int) -> Tensor:
        """The inverse of `to_front`."""
        split = torch.unflatten(tensor, self.dim + 1, (self.outer, self.inner))
        return split.movedim(0, self.dim + 1).flatten(self.dim, self.dim + 2)

    def rows(self, tensor: Tensor, units: int) -> Tensor:
        """units × positions × features, features the tensor's last dimension."""
        if self.dim == 0 and self.outer == 1:
            return tensor.reshape(units, -1, tensor.shape[-1])
        return self.to_front(tensor, units).flatten(1, -2)


def scaling(two: tuple[int, ...], three: tuple[int, ...], what: str) -> Layout | None:
    """The layout of a tensor that has shape `two` for two units and `three` for three; nothing if
    its shape does not depend on the number of units."""
    if len(two) != len(three):
        raise PointError(
            f"{what} has {len(two)} dimensions for two units and {len(three)} for three; a point "
            "needs a model whose tensors keep their form when the batch grows."
        )
    found: Layout | None = None
    for dim, (a, b) in enumerate(zip(two, three, strict=True)):
        if a == b:
            continue
        if a % 2 or a // 2 * 3 != b or found is not None:
            raise PointError(
                f"{what} has shape {two} for two units and {three} for three; units must stand in "
                "one dimension of it, so that each has its own part. Measure a model that treats "
                "examples one by one, or give groups of examples as units=."
            )
        found = Layout(dim, 1, a // 2)
    return found
