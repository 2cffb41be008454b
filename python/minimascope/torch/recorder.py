"""Watches one forward pass and records where parameters meet activations.

Rules stand by operation, not by module: a subclass of `nn.Linear` that computes something else is seen
as what it computes. A tensor is `tracked` if it is a parameter or is computed from parameters alone;
one whose shape grows with the number of units is `per unit`. Where a tracked tensor meets one that is
per unit, parameters are used, and a rule says how.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import vmap
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from .affine import Affine, Piece
from .errors import PathChanged, PointError
from .layout import Layout, scaling

Values = dict[int, Tensor]


@dataclass
class Tracked:
    """A tensor that is computed from parameters alone. `replay` computes it from other values of
    them; `piece` is set where it is a view of one parameter."""

    tensor: Tensor
    sources: tuple[int, ...]
    replay: Callable[[Values], Tensor]
    piece: Piece | None = None


@dataclass
class FactorUse:
    """y = W ∘ x + b: W and b are pieces, either can be absent. The edges are places in the graph of
    gradients where ∂/∂x and ∂/∂y pass; they hold if the model changes y in place afterwards."""

    weight: Piece | None
    bias: Piece | None
    affine: Affine
    x: Tensor
    x_edge: GradientEdge | None
    y_edge: GradientEdge


@dataclass
class ExpandedUse:
    """A piece with one copy a unit; the edge is that of the copies, units × the piece's shape."""

    piece: Piece
    edge: GradientEdge


@dataclass(frozen=True)
class Shapes:
    """What one call looked like: the shapes of its tensors, nothing for other arguments."""

    name: str
    inputs: tuple[tuple[int, ...] | None, ...]
    outputs: tuple[tuple[int, ...] | None, ...]
    result: Any


@dataclass
class CallPlan:
    """Where units stand in the tensors of one call."""

    name: str
    inputs: list[Layout | None]
    outputs: list[Layout | None]
    result: Any

    @property
    def per_unit(self) -> bool:
        return any(layout is not None for layout in self.inputs + self.outputs)


@dataclass
class Flattened:
    """A tensor with several entries a unit in one dimension, and where its layout stands."""

    side: list[Layout | None]
    place: int
    edge: GradientEdge
    shape: tuple[int, ...]


def plans_of(two: Sequence[Shapes], three: Sequence[Shapes]) -> list[CallPlan]:
    """Compares the calls of a pass over two units with those of a pass over three."""
    if [call.name for call in two] != [call.name for call in three]:
        raise PointError(
            "the model computes something else for three units than for two: its path depends on "
            "the size of the batch or on the data. Fix the path (for instance a constant mask, a "
            "constant length) and build the point again."
        )

    def layouts(
        a: tuple[tuple[int, ...] | None, ...], b: tuple[tuple[int, ...] | None, ...], what: str
    ) -> list[Layout | None]:
        if len(a) != len(b):
            raise PointError(f"{what} takes another number of tensors for three units than for two")
        return [
            None if x is None or y is None else scaling(x, y, what) for x, y in zip(a, b, strict=True)
        ]

    return [
        CallPlan(
            x.name,
            layouts(x.inputs, y.inputs, f"an input of the operation '{x.name}'"),
            layouts(x.outputs, y.outputs, f"the result of the operation '{x.name}'"),
            x.result,
        )
        for x, y in zip(two, three, strict=True)
    ]


Rule = Callable[["Recorder", "Call"], Any]


@dataclass
class Call:
    """One call that meets parameters, as rules see it."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    leaves: list[Any]
    spec: Any
    plan: CallPlan

    def layout(self, tensor: Any) -> Layout | None:
        """Of one of the arguments; nothing if it is not per unit."""
        for leaf, layout in zip(self.leaves, self.plan.inputs, strict=True):
            if leaf is tensor:
                return layout
        return None


class Recorder(TorchFunctionMode):
    """Without plans it notes shapes alone; with plans it records the uses of `parameters`."""

    def __init__(
        self, parameters: Sequence[Tensor], units: int, plans: Sequence[CallPlan] | None
    ) -> None:
        super().__init__()
        self.units = units
        self.plans = plans
        self.shapes: list[Shapes] = []
        self.calls = 0
        self.factors: list[FactorUse] = []
        self.expanded: dict[Piece, ExpandedUse] = {}
        self.by_vmap: dict[str, set[int]] = {}
        self.watch_flattened = False
        self.flattened: list[Flattened] = []
        self._copies: dict[Piece, Tensor] = {}
        self._tracked: dict[int, Tracked] = {}
        self._parameters = list(parameters)
        for index, parameter in enumerate(parameters):
            piece = Piece(index, 0, tuple(parameter.shape), tuple(parameter.stride()))
            self._tracked[id(parameter)] = Tracked(
                parameter, (index,), operator.itemgetter(index), piece
            )

    # -- what rules ask ------------------------------------------------------------------------

    def tracked(self, tensor: Any) -> Tracked | None:
        """The record of a tensor that parameters alone decide."""
        return self._tracked.get(id(tensor)) if isinstance(tensor, Tensor) else None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Calls inside are seen: for compositions of other operations."""
        with self:
            yield

    def use(
        self,
        affine: Affine,
        x: Tensor,
        y: Tensor,
        weight: Piece | None,
        bias: Piece | None,
    ) -> Tensor:
        """Records y = W ∘ x + b and gives y."""
        if y.requires_grad:
            edge = get_gradient_edge(x) if x.requires_grad else None
            self.factors.append(FactorUse(weight, bias, affine, x, edge, get_gradient_edge(y)))
        return y

    def copies(self, tracked: Tracked) -> Tensor:
        """The tensor with one copy a unit: units × its shape."""
        if tracked.piece is not None:
            return self._copies_of(tracked.piece, tracked.tensor)
        whole: Values = {}
        for source in tracked.sources:
            parameter = self._parameters[source]
            piece = Piece(source, 0, tuple(parameter.shape), tuple(parameter.stride()))
            whole[source] = self._copies_of(piece, parameter)
        found: Tensor = vmap(tracked.replay)(whole)
        return found

    def _copies_of(self, piece: Piece, tensor: Tensor) -> Tensor:
        if piece not in self._copies:
            copies = tensor.expand(self.units, *tensor.shape)
            self._copies[piece] = copies
            self.expanded[piece] = ExpandedUse(piece, get_gradient_edge(copies))
        return self._copies[piece]

    # -- the watch -----------------------------------------------------------------------------

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        from .rules import COMPOSITIONS, RULES

        keywords = kwargs or {}
        leaves, spec = tree_flatten((args, keywords))
        if not any(isinstance(leaf, Tensor) and leaf.requires_grad for leaf in leaves):
            return func(*args, **keywords)
        name = getattr(func, "__name__", str(func))
        if func in COMPOSITIONS:
            return COMPOSITIONS[func](self, func, args, keywords)
        if self.plans is None:
            before = tuple(tuple(x.shape) if isinstance(x, Tensor) else None for x in leaves)
            result = func(*args, **keywords)
            outputs, form = tree_flatten(result)
            if _counts(outputs):
                after = tuple(tuple(x.shape) if isinstance(x, Tensor) else None for x in outputs)
                self.shapes.append(Shapes(name, before, after, form))
            return result

        if not any(id(leaf) in self._tracked for leaf in leaves):
            result = func(*args, **keywords)
            outputs, _ = tree_flatten(result)
            if _counts(outputs):
                self._next(name)
            return result

        plan = self.plans[self.calls] if self.calls < len(self.plans) else None
        if plan is None or plan.name != name or not plan.per_unit:
            result = func(*args, **keywords)
            outputs, _ = tree_flatten(result)
            if _counts(outputs):
                self._next(name)
                self._derive(func, leaves, spec, outputs, result)
            return result
        self._next(name)
        call = Call(func, args, keywords, leaves, spec, plan)
        rule = RULES.get(func)
        result = NotImplemented if rule is None else rule(self, call)
        if result is NotImplemented:
            result = self.by_units(call)
        if self.watch_flattened:
            self._note_flattened(call, result)
        return result

    def _note_flattened(self, call: Call, result: Any) -> None:
        """Keeps the places of tensors that hold several entries a unit in one dimension: whose entry
        is whose is found from gradients when the point is built."""
        plan = call.plan
        outputs = tree_flatten(result)[0]
        for side, leaves in ((plan.inputs, call.leaves), (plan.outputs, outputs)):
            for place, (leaf, layout) in enumerate(zip(leaves, side, strict=True)):
                if layout is None or layout.plain or layout.inner * layout.outer == 1:
                    continue
                if isinstance(leaf, Tensor) and leaf.requires_grad:
                    shape = tuple(leaf.shape)
                    self.flattened.append(Flattened(side, place, get_gradient_edge(leaf), shape))

    def _next(self, name: str) -> None:
        assert self.plans is not None
        if self.calls >= len(self.plans) or self.plans[self.calls].name != name:
            raise PathChanged(
                f"the model came to the operation '{name}' where it did something else when the point "
                "was built: its path depends on the data. Fix the path and build the point again."
            )
        self.calls += 1

    def _derive(
        self, func: Callable[..., Any], leaves: list[Any], spec: Any, outputs: list[Any], result: Any
    ) -> None:
        """Tracks what a call made of parameters alone."""
        inputs = [self.tracked(leaf) for leaf in leaves]
        sources = tuple(sorted({s for entry in inputs if entry for s in entry.sources}))
        constants = [leaf if entry is None else None for leaf, entry in zip(leaves, inputs, strict=True)]
        for place, output in enumerate(outputs):
            if not isinstance(output, Tensor) or not output.requires_grad:
                continue
            if id(output) in self._tracked:
                continue

            def replay(values: Values, place: int = place) -> Tensor:
                again = [
                    constant if entry is None else entry.replay(values)
                    for constant, entry in zip(constants, inputs, strict=True)
                ]
                arguments, keywords = tree_unflatten(again, spec)
                found: Tensor = tree_flatten(func(*arguments, **keywords))[0][place]
                return found

            piece = self._view(output, sources[0]) if len(sources) == 1 else None
            self._tracked[id(output)] = Tracked(output, sources, replay, piece)

    def _view(self, tensor: Tensor, source: int) -> Piece | None:
        parameter = self._parameters[source]
        if tensor.dtype != parameter.dtype or tensor._base is None:
            return None
        if tensor.untyped_storage().data_ptr() != parameter.untyped_storage().data_ptr():
            return None
        offset = int(tensor.storage_offset()) - int(parameter.storage_offset())
        return Piece(source, offset, tuple(tensor.shape), tuple(tensor.stride()))

    def by_units(self, call: Call) -> Any:
        """Any operation: vmap over units, with one copy of its parameters for each."""
        values: list[Any] = []
        mapped: list[int] = []
        sources: set[int] = set()
        for place, (leaf, layout) in enumerate(zip(call.leaves, call.plan.inputs, strict=True)):
            tracked = self.tracked(leaf)
            if tracked is not None:
                values.append(self.copies(tracked))
                sources.update(tracked.sources)
                mapped.append(place)
            elif layout is not None:
                values.append(layout.to_front(leaf, self.units))
                mapped.append(place)
            else:
                values.append(leaf)
        created = all(layout is None for layout in call.plan.inputs)

        def one(*parts: Any) -> tuple[Any, ...]:
            again = list(values)
            for place, part in zip(mapped, parts, strict=True):
                again[place] = part
            arguments, keywords = tree_unflatten(again, call.spec)
            outputs = tree_flatten(call.function(*arguments, **keywords))[0]
            if created:
                # The model makes a copy for each unit (expand, repeat): a unit's own is any of them.
                outputs = [
                    output if layout is None else _first_unit(output, layout, self.units)
                    for output, layout in zip(outputs, call.plan.outputs, strict=True)
                ]
            return tuple(outputs)

        if not created:
            self.by_vmap.setdefault(call.plan.name, set()).update(sources)
        try:
            found = vmap(one)(*[values[place] for place in mapped])
        except RuntimeError as error:
            raise PointError(
                f"the operation '{call.plan.name}' has no rule here and cannot run example by example "
                f"({str(error).splitlines()[0]}). Leave its parameters out with parameters=, or write it "
                "with linear layers, convolutions and elementwise operations."
            ) from error
        outputs = [
            part if layout is None else layout.from_front(part, self.units)
            for part, layout in zip(found, call.plan.outputs, strict=True)
        ]
        if call.plan.name.endswith("_") and not call.plan.name.endswith("__"):
            changed: Tensor = call.leaves[0]
            return changed.copy_(outputs[0])
        return tree_unflatten(outputs, call.plan.result)


def _first_unit(tensor: Tensor, layout: Layout, units: int) -> Tensor:
    front = layout.to_front(tensor, units)
    return front[0]


def _counts(outputs: list[Any]) -> bool:
    return any(isinstance(output, Tensor) and output.requires_grad for output in outputs)
