"""The Gram matrix of all rows of A, and its diagonal blocks, from factored rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minimascope._point import Array

from .affine import Piece
from .factors import Factors
from .tape import Tape

MakeTape = Callable[[range], Tape]
Root = Callable[[Tape], Tensor]


class Rows:
    """The rows of A of some units on every piece, units × K of them. Where a unit has one position,
    a row is one outer product and is kept so; elsewhere its numbers are kept."""

    def __init__(self, tape: Tape, base: Tensor) -> None:
        self.units, self.outputs = base.shape[0], base.shape[2]
        columns = [
            tape.rows(base[:, :, k].contiguous()).row_directions() for k in range(self.outputs)
        ]
        self.thin: dict[Piece, tuple[Tensor, Tensor]] = {}
        self.full: dict[Piece, Tensor] = {}
        for piece in {piece for column in columns for piece in column}:
            parts = [column.get(piece) for column in columns]
            pairs = [_thin(part) for part in parts]
            if all(part is None or pair is not None for part, pair in zip(parts, pairs, strict=True)):
                self._keep_thin(piece, pairs)
            else:
                rows = [None if p is None else p.materialised().reshape(self.units, -1) for p in parts]
                like = next(r for r in rows if r is not None)
                self.full[piece] = torch.stack(
                    [torch.zeros_like(like) if r is None else r for r in rows], 1
                )

    def _keep_thin(self, piece: Piece, pairs: list[tuple[Tensor, Tensor] | None]) -> None:
        like = next(pair for pair in pairs if pair is not None)
        # One side is the layer's input, the same for all outputs: it stands once.
        firsts = torch.stack([torch.zeros_like(like[0]) if p is None else p[0] for p in pairs], 1)
        seconds = torch.stack([torch.zeros_like(like[1]) if p is None else p[1] for p in pairs], 1)
        self.thin[piece] = firsts, seconds

    def block(self, other: Rows) -> Tensor:
        """Products of all rows here with all rows there: units·K × units·K."""
        count, width = self.units * self.outputs, other.units * other.outputs
        total: Any = 0
        for piece, (first, second) in self.thin.items():
            if piece in other.thin:
                there = other.thin[piece]
                left = first.reshape(count, -1) @ there[0].reshape(width, -1).T
                total = total + left * (second.reshape(count, -1) @ there[1].reshape(width, -1).T)
        for piece, rows in self.full.items():
            if piece in other.full:
                total = total + rows.reshape(count, -1) @ other.full[piece].reshape(width, -1).T
        return total if isinstance(total, Tensor) else torch.zeros(count, width)

    def diagonal(self) -> Tensor:
        """Products of the rows of each unit: units × K × K."""
        total: Any = 0
        for first, second in self.thin.values():
            total = total + (first @ first.transpose(1, 2)) * (second @ second.transpose(1, 2))
        for rows in self.full.values():
            total = total + rows @ rows.transpose(1, 2)
        return total if isinstance(total, Tensor) else torch.zeros(
            self.units, self.outputs, self.outputs
        )


def _thin(part: Factors | None) -> tuple[Tensor, Tensor] | None:
    if part is None or part.dense is not None or len(part.pairs) != 1:
        return None
    first, second = part.pairs[0]
    if not first.is_floating_point() or first.shape[1] != 1:
        return None
    return first[:, 0], second[:, 0]


def _bytes_per_unit(make: MakeTape, root: Root) -> int:
    tape = make(range(1))
    rows = Rows(tape, root(tape))
    held = [*rows.full.values(), *(t for pair in rows.thin.values() for t in pair)]
    return max(1, sum(t.numel() * t.element_size() for t in held))


def _cut(make: MakeTape, root: Root, units: int, budget: int) -> tuple[list[range], bool]:
    """Chunks whose rows fit into a quarter of the budget, and whether all of them fit."""
    each = _bytes_per_unit(make, root)
    size = min(units, max(1, budget // 4 // each))
    return [range(a, min(a + size, units)) for a in range(0, units, size)], units * each <= budget // 2


def gram_of(make: MakeTape, root: Root, units: int, outputs: int, budget: int) -> Array:
    """AAᵀ, nK × nK."""
    ranges, kept = _cut(make, root, units, budget)
    store: dict[int, Rows] = {}

    def rows(index: int) -> Rows:
        if index in store:
            return store[index]
        tape = make(ranges[index])
        found = Rows(tape, root(tape))
        if kept:
            store[index] = found
        return found

    gram = np.zeros((units * outputs, units * outputs))
    for i, here in enumerate(ranges):
        own = rows(i)
        for j in range(i + 1):
            block = own.block(own if i == j else rows(j)).cpu().double().numpy()
            there = ranges[j]
            a = slice(here.start * outputs, here.stop * outputs)
            b = slice(there.start * outputs, there.stop * outputs)
            gram[a, b] = block
            gram[b, a] = block.T
    return gram


def blocks_of(make: MakeTape, root: Root, units: int, outputs: int, budget: int) -> Array:
    """The diagonal blocks, n × K × K."""
    ranges, _ = _cut(make, root, units, budget)
    parts: list[Array] = []
    for units_here in ranges:
        tape = make(units_here)
        found = Rows(tape, root(tape)).diagonal()
        parts.append(found.cpu().double().numpy())
    return np.concatenate(parts)
