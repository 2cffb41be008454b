"""How many units pass at once under a memory budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .errors import PointError
from .examples import Examples
from .losses import Loss
from .model import Model
from .structure import Structure, saved_bytes, some_units
from .tape import Tape

DEFAULT_BYTES = 2 << 30
# A product holds, beside the graph of a chunk, the adjoints and the factors of one reverse pass through
# it. Their sum is at most as much again as the graph saves (measured: docs/performance.md).
WORKING_SHARE = 2.0
# What the graph of one chunk holds at most: on a processor about what its last cache does (a VGG takes
# 1.5 times as long with all of 1,000 examples in one chunk), on a GPU enough work for each launch.
CHUNK_BYTES = {"cpu": 32 << 20, "cuda": 1 << 30}


@dataclass(frozen=True)
class Chunks:
    """Units of a chunk; whether the graphs of all chunks stay between products."""

    size: int
    kept: bool
    bytes_per_unit: int
    budget: int

    def of(self, count: int) -> list[range]:
        """The chunks of so many units, of nearly equal size."""
        pieces = -(-count // self.size)
        ends = [count * piece // pieces for piece in range(pieces + 1)]
        return [range(a, b) for a, b in zip(ends, ends[1:], strict=False)]


def default_budget(device: torch.device) -> int:
    """Half of a GPU's memory; 2 GiB elsewhere, the same on every machine so that chunks and with them
    the last bits are the same."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory // 2)
    return DEFAULT_BYTES


def chunks(
    model: Model, loss: Loss, data: Examples, structure: Structure, memory: int | None
) -> Chunks:
    """Measures what the graph of a unit holds, and cuts the units."""

    def graph(count: int) -> Callable[[], Any]:
        def work() -> Tape:
            tape = Tape(
                model, loss, some_units(data, count), structure.plans, structure.outputs
            )
            _ = tape.derivatives
            return tape

        return work

    budget = default_budget(model.device) if memory is None else memory
    a_unit = max(1, saved_bytes(graph(3)) - saved_bytes(graph(2)))
    number = torch.finfo(model.dtype).bits // 8
    # The point, a direction, an image and their sums.
    fixed = 6 * model.count * number
    left = budget - fixed
    fit = int(left // (a_unit * WORKING_SHARE)) if left > 0 else 0
    if fit < 1:
        needed = fixed + a_unit * WORKING_SHARE
        raise PointError(
            f"one unit needs about {needed / 2**20:,.0f} MiB and memory= allows {budget / 2**20:,.0f} MiB; "
            "raise memory=, or measure fewer parameters with parameters=."
        )
    chunk_bytes = CHUNK_BYTES.get(model.device.type, CHUNK_BYTES["cuda"])
    size = min(fit, data.count, max(1, chunk_bytes // a_unit))
    kept = (data.count + size * (WORKING_SHARE - 1)) * a_unit <= left
    return Chunks(size, kept, a_unit, budget)
