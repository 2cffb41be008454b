"""The direction of each unit in one weight, as sums of outer products.

A weight W that meets activations as y = W ∘ x (linear layer, convolution, lookup) has the derivative
Σ_s δ_s x_sᵀ, a sum over the unit's positions s. So the unit's direction u_i = H_i v is
U_i = Σ_s (Rδ_s x_sᵀ + δ_s Rx_sᵀ): pairs of factors, never P numbers for each unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

# (first, second) of Σ_s first_s second_sᵀ, each blocks × positions × width. The first factors of a
# lookup are unit vectors, kept as their indices: blocks × positions, integers.
Pair = tuple[Tensor, Tensor]


@dataclass
class Factors:
    """U_i (first × second) of every block. Blocks are the units, or units × groups of a grouped
    convolution."""

    first: int
    second: int
    pairs: list[Pair] = field(default_factory=list)
    dense: Tensor | None = None

    def materialised(self) -> Tensor:
        """blocks × first × second."""
        total = self.dense
        for first, second in self.pairs:
            if first.is_floating_point():
                part = first.transpose(1, 2) @ second
            else:
                part = second.new_zeros(len(second), self.first, self.second)
                part.scatter_add_(1, first[..., None].expand_as(second), second)
            total = part if total is None else total + part
        assert total is not None, "a direction without parts"
        return total

    def _settle(self, positions: int) -> None:
        """Materialises U_i if that is cheaper for so many positions: products of positions take
        positions · own (first + second), the numbers (positions + own) first · second."""
        own = sum(first.shape[1] for first, _ in self.pairs)
        by_positions = positions * own * (self.first + self.second)
        by_numbers = (positions + own) * self.first * self.second
        if self.dense is not None or by_positions > by_numbers:
            self.dense, self.pairs = self.materialised(), []
        else:
            self._join()

    def _join(self) -> None:
        """Pairs become one with all positions: a product for each would pass over x again."""
        joined: list[Pair] = []
        for floating in (True, False):
            kind = [pair for pair in self.pairs if pair[0].is_floating_point() == floating]
            if len(kind) == 1:
                joined += kind
            elif kind:
                firsts, seconds = zip(*kind, strict=True)
                joined.append((torch.cat(firsts, 1), torch.cat(seconds, 1)))
        self.pairs = joined

    def times(self, x: Tensor) -> Tensor:
        """U_i x_is: blocks × positions × first, from blocks × positions × second."""
        self._settle(x.shape[1])
        if self.dense is not None:
            return x @ self.dense.transpose(1, 2)
        return _sum([_times(first, second, x, self.first) for first, second in self.pairs])

    def transposed_times(self, x: Tensor) -> Tensor:
        """U_iᵀ x_is: blocks × positions × second, from blocks × positions × first."""
        self._settle(x.shape[1])
        if self.dense is not None:
            return x @ self.dense
        return _sum([_transposed_times(first, second, x) for first, second in self.pairs])

    def lookup(self, index: Tensor) -> Tensor:
        """The rows of U_i that are asked for: blocks × positions × second, from indices."""
        if self.dense is not None:
            return self.dense.gather(1, index[..., None].expand(*index.shape, self.second))
        return _sum([_lookup(first, second, index) for first, second in self.pairs])


def _sum(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _times(first: Tensor, second: Tensor, x: Tensor, width: int) -> Tensor:
    dots = x @ second.transpose(1, 2)
    if first.is_floating_point():
        return dots @ first
    out = dots.new_zeros(*dots.shape[:2], width)
    return out.scatter_add(2, first[:, None, :].expand_as(dots), dots)


def _transposed_times(first: Tensor, second: Tensor, x: Tensor) -> Tensor:
    if first.is_floating_point():
        return (x @ first.transpose(1, 2)) @ second
    return x.gather(2, first[:, None, :].expand(-1, x.shape[1], -1)) @ second


def _lookup(first: Tensor, second: Tensor, index: Tensor) -> Tensor:
    if first.is_floating_point():
        weights = first.gather(2, index[:, None, :].expand(-1, first.shape[1], -1))
        return weights.transpose(1, 2) @ second
    same = (index[:, :, None] == first[:, None, :]).to(second.dtype)
    return same @ second


