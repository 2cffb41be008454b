"""What a model does with its parameters, found by running it on two and on three units."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from .errors import PointError
from .examples import Examples
from .layout import Layout, scaling
from .losses import Loss
from .model import Model
from .recorder import CallPlan, Flattened, Recorder, plans_of
from .tape import Tape


@dataclass
class Structure:
    """The calls that meet parameters, and where units stand in the outputs."""

    plans: list[CallPlan]
    outputs: list[Layout | None]
    by_vmap: dict[str, list[str]]
    """Operations without a rule, and the parameters that they use: these go by vmap."""

    def replace(self, other: Structure) -> None:
        """Becomes another one, for all points that share it."""
        self.plans, self.outputs, self.by_vmap = other.plans, other.outputs, other.by_vmap


def some_units(data: Examples, count: int) -> Examples:
    """So many units, the first ones again where there are not enough."""
    return data.take([unit % data.count for unit in range(count)])


def structure(model: Model, loss: Loss, data: Examples) -> Structure:
    """Finds it. The model runs five times on at most three units."""

    def run(count: int) -> tuple[Recorder, list[tuple[int, ...] | None]]:
        recorder = Recorder(model.parameters, count, None)
        with recorder:
            outputs = tree_flatten(model(some_units(data, count).inputs))[0]
        return recorder, [tuple(o.shape) if isinstance(o, Tensor) else None for o in outputs]

    run(2)  # What a model makes at its first pass (lazy layers, cached masks) is there afterwards.
    two, outputs_two = run(2)
    three, outputs_three = run(3)
    plans = plans_of(two.shapes, three.shapes)
    outputs = [
        None if a is None or b is None else scaling(a, b, "an output of the model")
        for a, b in zip(outputs_two, outputs_three, strict=True)
    ]
    tape = Tape(model, loss, some_units(data, 3), plans, outputs, watch_flattened=True)
    _resolve(tape, plans)
    by_vmap: dict[str, list[str]] = {}
    for operation, sources in tape.recorder.by_vmap.items():
        names = [model.names[source] for source in sorted(sources)]
        by_vmap[operation] = names
        numbers = sum(model.sizes[source] for source in sources)
        owner = model.owner(min(sources))
        warnings.warn(
            f"the operation '{operation}' of {owner} has no factored rule: its {numbers:,} parameters go "
            "by vmap, which holds that many numbers for every unit of a chunk.",
            stacklevel=4,
        )
    return Structure(plans, outputs, by_vmap)


def _resolve(tape: Tape, plans: list[CallPlan]) -> None:
    """Whose entry is whose where a dimension holds several a unit: the gradient of one unit's loss
    is zero on the entries of others. The plain order, unit after unit, stands where gradients do not
    contradict it."""
    found: list[Flattened] = tape.recorder.flattened
    for entry in found:
        layout = entry.side[entry.place]
        assert layout is not None
        several = layout.outer * layout.inner
        candidates = [Layout(layout.dim, o, several // o) for o in range(1, several + 1) if several % o == 0]
        for unit in range(tape.units):
            of, seeds = _of_one_unit(tape, unit)
            (gradient,) = torch.autograd.grad(
                of, [entry.edge], seeds, retain_graph=True, allow_unused=True
            )
            if gradient is None:
                continue
            candidates = [
                c for c in candidates if _confined(c.to_front(gradient, tape.units), unit)
            ]
        if not candidates:
            raise PointError(
                "the loss of one example depends on the activations of others: examples are coupled, and "
                "H_i does not exist for them. Call model.eval() if batch norm is in training mode; give "
                "fixed groups as units= if examples are coupled in groups."
            )
        entry.side[entry.place] = candidates[0]
    for plan in plans:
        _follow(plan)


def _of_one_unit(tape: Tape, unit: int) -> tuple[list[Tensor], list[Tensor]]:
    """Tensors, and cotangents that see one unit alone: its outputs, weighted at random (its loss has no
    gradient at a minimum), or its loss where outputs are flattened themselves."""
    leaves = tape.output_leaves()
    if not all(layout.plain for _, layout in leaves):
        seed = torch.zeros_like(tape.losses)
        seed[unit] = 1
        return [tape.losses], [seed]
    seeds: list[Tensor] = []
    for leaf, layout in leaves:
        seed = torch.zeros_like(leaf)
        part = seed.select(layout.dim, unit)
        part.copy_(torch.randn(part.shape, generator=torch.Generator().manual_seed(7)))
        seeds.append(seed)
    return [leaf for leaf, _ in leaves], seeds


def _follow(plan: CallPlan) -> None:
    """Inputs without gradients (indices, images) are ordered as the result is."""
    results = [layout for layout in plan.outputs if layout is not None]
    for place, layout in enumerate(plan.inputs):
        if layout is None or layout.plain:
            continue
        for result in results:
            if layout.outer * layout.inner == result.outer * result.inner and result.outer > 1:
                plan.inputs[place] = Layout(layout.dim, result.outer, result.inner)


def _confined(front: Tensor, unit: int) -> bool:
    others = [i for i in range(len(front)) if i != unit]
    return not bool(front[others].any())


def saved_bytes(work: Callable[[], Any]) -> int:
    """Bytes of the tensors that autograd keeps while `work` runs, each storage once."""
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = work()
        del kept
    return sum(storages.values())
