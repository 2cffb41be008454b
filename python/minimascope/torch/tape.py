"""One chunk of units at the point: its forward pass, its derivatives, and the products that they give.

The factored product, by derivatives of derivatives alone (no forward mode: PyTorch's gives wrong second
derivatives for several operations without a word). With y_l = W_l ∘ x_l the layers with parameters,
δ_l = ∂ℓ/∂y_l and D_l = ∂ℓ/∂x_l in a graph that can be differentiated again:

1. t = Σ_l ⟨δ_l, V_l ∘ x_l⟩ is Σ_i ∂_v ℓ_i. Its gradient in the parameters is Σ_i H_i v, in y_l it is
   Rδ_l, and in D_l it is Rx_l: the adjoint of a cotangent is a tangent. So u_i = H_i v is known on
   layer l as Rδ_l x_lᵀ + δ_l Rx_lᵀ, factored.
2. t' = Σ_l ⟨δ_l, U_il ∘ x_l⟩ with the factors of step 1 held fixed is Σ_i dℓ_i[u_i], and its gradient
   in the parameters is Σ_i H_i u_i. With u_i less a shared ū, that of ū is subtracted.

Both steps are one reverse pass through the same graph of gradients, which can be kept.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge
from torch.utils._pytree import tree_flatten, tree_unflatten

from .affine import Piece
from .examples import Examples
from .factors import Factors
from .layout import Layout
from .losses import Loss, output_tensor, root
from .model import Model
from .recorder import CallPlan, ExpandedUse, FactorUse, Recorder

Gradients = list[Tensor | None]


class Tape:
    """The forward pass of a chunk, with the uses of its parameters."""

    def __init__(
        self,
        model: Model,
        loss: Loss,
        chunk: Examples,
        plans: Sequence[CallPlan],
        output_layouts: Sequence[Layout | None],
        watch_flattened: bool = False,
    ) -> None:
        self.model, self.loss, self.chunk = model, loss, chunk
        self.units = chunk.count
        self.output_layouts = output_layouts
        recorder = Recorder(model.parameters, self.units, plans)
        recorder.watch_flattened = watch_flattened
        with recorder:
            self.outputs = model(chunk.inputs)
        self.recorder = recorder
        self.factors: list[FactorUse] = recorder.factors
        self.expanded: list[ExpandedUse] = list(recorder.expanded.values())
        self.losses = loss.each(
            self.outputs, chunk.targets, self.units * chunk.group, self.units
        )
        self._derivatives: Derivatives | None = None

    @property
    def derivatives(self) -> Derivatives:
        """Of the losses, differentiable; made once."""
        if self._derivatives is None:
            # The seed has a gradient, so that every cotangent is a place in the graph.
            seed = torch.ones_like(self.losses).requires_grad_()
            self._derivatives = Derivatives(self, [self.losses], [seed])
        return self._derivatives

    def gradient(self) -> Tensor:
        """Σ_i ∇ℓ_i: P numbers."""
        found = torch.autograd.grad(
            self.losses.sum(), self.model.parameters, retain_graph=True, allow_unused=True
        )
        return self.model.join(found)

    def hessian(self, v: Sequence[Tensor]) -> Tensor:
        """Σ_i H_i v."""
        return self.model.join(self.derivatives.along(v).gradients(self.model.parameters))

    def second_moment(self, v: Sequence[Tensor], shared: Sequence[Tensor] | None) -> Tensor:
        """Σ_i H_i (H_i v − ū), ū = `shared` or 0."""
        derivatives = self.derivatives
        own = derivatives.own_directions(v)
        slope = derivatives.along_own(own, shared)
        return self.model.join(slope.gradients(self.model.parameters))

    # -- outputs -------------------------------------------------------------------------------

    def output_leaves(self) -> list[tuple[Tensor, Layout]]:
        """The tensors of the outputs that the loss sees and that depend on parameters."""
        found = [
            (leaf, layout)
            for leaf, layout in zip(
                tree_flatten(self.outputs)[0], self.output_layouts, strict=True
            )
            if isinstance(leaf, Tensor) and leaf.requires_grad and layout is not None
        ]
        if self.loss.name is not None:
            z = output_tensor(self.outputs)
            return [(leaf, layout) for leaf, layout in found if leaf is z]
        used = torch.autograd.grad(
            self.losses.sum(), [leaf for leaf, _ in found], retain_graph=True, allow_unused=True
        )
        return [pair for pair, gradient in zip(found, used, strict=True) if gradient is not None]

    def flat(self, leaves: Sequence[tuple[Tensor, Layout]]) -> Tensor:
        """Outputs as units × K."""
        return torch.cat(
            [layout.to_front(leaf, self.units).flatten(1) for leaf, layout in leaves], 1
        )

    def unflat(self, z: Tensor, leaves: Sequence[tuple[Tensor, Layout]]) -> list[Tensor]:
        """The inverse of `flat`."""
        fronts = [layout.to_front(leaf, self.units) for leaf, layout in leaves]
        parts = torch.split(z, [front[0].numel() for front in fronts], 1)
        return [
            layout.from_front(part.reshape(front.shape), self.units)
            for part, front, (_, layout) in zip(parts, fronts, leaves, strict=True)
        ]

    def outputs_along(self, v: Sequence[Tensor]) -> Tensor:
        """J_i v: units × K."""
        leaves = self.output_leaves()
        seeds = [torch.zeros_like(leaf).requires_grad_() for leaf, _ in leaves]
        slope = Derivatives(self, [leaf for leaf, _ in leaves], seeds).along(v)
        found = slope.gradients(seeds)
        moved = [
            (torch.zeros_like(seed) if g is None else g, layout)
            for g, seed, (_, layout) in zip(found, seeds, leaves, strict=True)
        ]
        return self.flat(moved)

    def outputs_transposed(self, w: Tensor) -> Tensor:
        """Σ_i J_iᵀ w_i."""
        leaves = self.output_leaves()
        found = torch.autograd.grad(
            [leaf for leaf, _ in leaves],
            self.model.parameters,
            self.unflat(w, leaves),
            retain_graph=True,
            allow_unused=True,
        )
        return self.model.join(found)

    def loss_curvature(self, columns: Tensor) -> Tensor:
        """L_i c_i for c of units × K × columns: products with ∂²ℓ/∂z² of a loss by function."""
        leaves = self.output_leaves()
        every, form = tree_flatten(self.outputs)
        places = [next(i for i, e in enumerate(every) if e is leaf) for leaf, _ in leaves]
        cut = [leaf.detach().requires_grad_() for leaf, _ in leaves]
        again = [e.detach() if isinstance(e, Tensor) else e for e in every]
        for place, leaf in zip(places, cut, strict=True):
            again[place] = leaf
        outputs = tree_unflatten(again, form)
        losses = self.loss.each(
            outputs, self.chunk.targets, self.units * self.chunk.group, self.units
        )
        slopes = torch.autograd.grad(losses.sum(), cut, create_graph=True)
        layouts = [layout for _, layout in leaves]
        flat = self.flat(list(zip(slopes, layouts, strict=True)))
        parts: list[Tensor] = []
        for column in columns.unbind(2):
            found: Sequence[Tensor | None] = [None] * len(cut)
            if flat.requires_grad:
                found = torch.autograd.grad(
                    flat, cut, column, retain_graph=True, allow_unused=True
                )
            moved = [
                (torch.zeros_like(c) if g is None else g, layout)
                for g, c, layout in zip(found, cut, layouts, strict=True)
            ]
            parts.append(self.flat(moved))
        return torch.stack(parts, 2)

    def loss_root(self) -> tuple[Tensor, float]:
        """B_i with B_i B_iᵀ = L_i, units × K × K, and the most negative eigenvalue of an L_i
        relative to its largest, 0 if none is negative. Negative ones count as zero in B."""
        group = self.chunk.group
        if self.loss.name is not None:
            z = output_tensor(self.outputs).detach()
            y = self.loss.targets_of(z, self.chunk.targets)
            z = z.reshape(self.units * group, -1)
            each = root(self.loss.name, z, y.reshape(z.shape)) / group**0.5
            if group == 1:
                return each, 0.0
            k = z.shape[1]
            blocks = each.new_zeros(self.units, group, k, group, k)
            for member in range(group):
                blocks[:, member, :, member] = each.unflatten(0, (self.units, group))[:, member]
            return blocks.reshape(self.units, group * k, group * k), 0.0
        k = self.flat(self.output_leaves()).shape[1]
        one = torch.eye(k, dtype=self.model.dtype, device=self.model.device)
        curvature = self.loss_curvature(one.expand(self.units, k, k))
        values, vectors = torch.linalg.eigh((curvature + curvature.transpose(1, 2)) / 2)
        largest = values.abs().amax(1).clamp_min(torch.finfo(values.dtype).tiny)
        negative = float((-values.amin(1) / largest).clamp_min(0).max())
        return vectors * values.clamp_min(0).sqrt()[:, None, :], negative

    def rows(self, seed: Tensor) -> Derivatives:
        """δ of every use for the cotangent w of the outputs (units × K), not differentiable."""
        leaves = self.output_leaves()
        return Derivatives(
            self, [leaf for leaf, _ in leaves], self.unflat(seed, leaves), graph=False
        )


class Derivatives:
    """δ_l and D_l of one chunk for given cotangents of some tensors."""

    def __init__(
        self, tape: Tape, of: Sequence[Tensor], seeds: Sequence[Tensor], graph: bool = True
    ) -> None:
        # Weakly: the tape holds its derivatives, and a circle would keep both until the collector runs.
        self._tape, self.units = weakref.ref(tape), tape.units
        edges: list[GradientEdge] = []
        places: dict[Any, int] = {}

        def place(edge: GradientEdge) -> int:
            key = (edge.node, edge.output_nr)
            if key not in places:
                places[key] = len(edges)
                edges.append(edge)
            return places[key]

        self._outputs = [place(use.y_edge) for use in tape.factors]
        self._inputs = [
            place(use.x_edge) if graph and use.x_edge is not None else None for use in tape.factors
        ]
        self._copies = [place(use.edge) for use in tape.expanded]
        self._edges = edges
        self.values: Gradients = (
            list(
                torch.autograd.grad(
                    list(of), edges, list(seeds), retain_graph=True, create_graph=graph,
                    allow_unused=True,
                )
            )
            if edges
            else []
        )

    @property
    def tape(self) -> Tape:
        """Whose derivatives they are."""
        found = self._tape()
        assert found is not None
        return found

    def along(self, v: Sequence[Tensor]) -> Slope:
        """t: the slope along one direction for all units."""
        slope = Slope()
        self._add_shared(slope, v, 1)
        return slope

    def value_along(self, v: Sequence[Tensor]) -> float:
        """t itself: Σ_i ∂_v ℓ_i by the recorded uses."""
        slope = Slope(valued=True)
        self._add_shared(slope, v, 1)
        return slope.value()

    def _add_shared(self, slope: Slope, v: Sequence[Tensor], sign: int) -> None:
        for use, place in zip(self.tape.factors, self._outputs, strict=True):
            delta = self.values[place]
            if delta is None:
                continue
            weight = None if use.weight is None else use.weight.of(v[use.weight.parameter])
            bias = None if use.bias is None else use.bias.of(v[use.bias.parameter])
            slope.add(delta, use.affine.shared(use.x, weight, bias), sign)
        for expanded, place in zip(self.tape.expanded, self._copies, strict=True):
            gradient = self.values[place]
            if gradient is not None:
                piece = expanded.piece
                slope.add(gradient, piece.of(v[piece.parameter]), sign)

    def own_directions(self, v: Sequence[Tensor]) -> dict[Piece, Factors]:
        """u_i = H_i v of every piece, factored; v may be one direction for all units alone."""
        inputs = sorted({place for place in self._inputs if place is not None})
        cotangents = [(place, self.values[place]) for place in inputs]
        live = [(place, value) for place, value in cotangents if value is not None]
        sought: list[Any] = [*self._edges, *(value for _, value in live)]
        found = self.along(v).gradients(sought)
        primal = found[: len(self._edges)]
        tangent = {
            place: value
            for (place, _), value in zip(live, found[len(self._edges) :], strict=True)
        }
        return self._factors(primal, tangent)

    def row_directions(self) -> dict[Piece, Factors]:
        """The derivative of each unit itself, factored: Σ_s δ_s x_sᵀ."""
        return self._factors(self.values, {})

    def _factors(
        self, primal: Gradients, tangent: dict[int, Tensor | None]
    ) -> dict[Piece, Factors]:
        own: dict[Piece, Factors] = {}
        for use, out, into in zip(self.tape.factors, self._outputs, self._inputs, strict=True):
            delta, slope = self.values[out], primal[out]
            x = use.x.detach()
            if slope is not None:
                slope = slope.detach()
                if use.weight is not None:
                    _into(own, use, use.weight).pairs.append(use.affine.pair(x, slope, self.units))
                if use.bias is not None:
                    # A bias has one second side: its numbers are the sum over positions.
                    part = use.affine.rows(slope, self.units).sum(1)[:, :, None]
                    _add(own, use.bias, part)
            moved = None if into is None else tangent.get(into)
            if moved is not None and delta is not None and use.weight is not None:
                pair = use.affine.pair(moved.detach(), delta.detach(), self.units)
                _into(own, use, use.weight).pairs.append(pair)
        for expanded, place in zip(self.tape.expanded, self._copies, strict=True):
            slope = primal[place]
            if slope is not None:
                _add(own, expanded.piece, slope.detach().reshape(self.units, -1, 1))
        return self._merged(own)

    def _merged(self, own: dict[Piece, Factors]) -> dict[Piece, Factors]:
        """Pieces of one parameter that share numbers (a weight used straight and transposed, or
        whole and in parts) see the sum: all of them are then materialised."""
        by_parameter: dict[int, list[Piece]] = {}
        used = {use.weight for use in self.tape.factors} | {use.bias for use in self.tape.factors}
        used |= {use.piece for use in self.tape.expanded}
        for piece in used - {None}:
            assert piece is not None
            by_parameter.setdefault(piece.parameter, []).append(piece)
        for index, pieces in by_parameter.items():
            if len(pieces) < 2 or not _overlap(pieces, self.tape.model.parameters[index]):
                continue
            parameter = self.tape.model.parameters[index]
            whole = parameter.new_zeros(self.units, parameter.numel())
            places = {piece: _places(piece, parameter).flatten() for piece in pieces}
            for piece in pieces:
                if piece in own:
                    numbers = own[piece].materialised().reshape(self.units, -1)
                    whole.index_add_(1, places[piece], numbers)
            for piece in pieces:
                first, second = self._sides(piece)
                numbers = whole[:, places[piece]].reshape(-1, first, second)
                own[piece] = Factors(first, second, dense=numbers)
        return own

    def _sides(self, piece: Piece) -> tuple[int, int]:
        for use in self.tape.factors:
            if use.weight == piece:
                return use.affine.sides(piece.size)
        return max(1, _numbers(piece)), 1

    def along_own(self, own: dict[Piece, Factors], less: Sequence[Tensor] | None) -> Slope:
        """t': the slope along u_i, each unit its own direction, less that along a shared one."""
        slope = Slope()
        for use, place in zip(self.tape.factors, self._outputs, strict=True):
            delta = self.values[place]
            if delta is None:
                continue
            if use.weight is not None and use.weight in own:
                image = use.affine.own(use.x, own[use.weight], self.units)
                slope.add(use.affine.blocks(delta, self.units), image, 1)
            if use.bias is not None and use.bias in own:
                bias = own[use.bias].materialised().reshape(self.units, 1, -1)
                slope.add(use.affine.rows(delta, self.units), bias, 1)
        for expanded, place in zip(self.tape.expanded, self._copies, strict=True):
            gradient = self.values[place]
            if gradient is not None and expanded.piece in own:
                numbers = own[expanded.piece].materialised()
                slope.add(gradient, numbers.reshape(gradient.shape), 1)
        if less is not None:
            self._add_shared(slope, less, -1)
        return slope


class Slope:
    """t = Σ ⟨δ, image⟩ as what its derivative needs: each factor with the other one as cotangent.
    The products themselves are never formed: they would cost more passes over memory than the rest.
    """

    def __init__(self, valued: bool = False) -> None:
        self._of: list[Tensor] = []
        self._seeds: list[Tensor] = []
        self._valued, self._value = valued, 0.0

    def add(self, delta: Tensor, image: Tensor, sign: int) -> None:
        """A term; `image` broadcasts to δ."""
        if self._valued:
            self._value += sign * float((delta.detach() * image.detach()).sum())
            return
        for one, other in ((delta, image), (image, delta)):
            if one.requires_grad:
                seed = other.detach()
                self._of.append(one)
                self._seeds.append(
                    seed.expand_as(delta) if sign == 1 else -seed.expand_as(delta)
                )

    def value(self) -> float:
        """t, where that is what was asked for."""
        return self._value

    def gradients(self, sought: Sequence[Any]) -> Gradients:
        """∂t/∂sought; nothing where there is no dependence."""
        if not sought or not self._of:
            return [None] * len(sought)
        found = torch.autograd.grad(
            self._of, list(sought), self._seeds, retain_graph=True, allow_unused=True
        )
        return list(found)


def _numbers(piece: Piece) -> int:
    total = 1
    for side in piece.size:
        total *= side
    return total


def _into(own: dict[Piece, Factors], use: FactorUse, piece: Piece) -> Factors:
    if piece not in own:
        own[piece] = Factors(*use.affine.sides(piece.size))
    return own[piece]


def _add(own: dict[Piece, Factors], piece: Piece, numbers: Tensor) -> None:
    if piece not in own:
        own[piece] = Factors(numbers.shape[1], 1, dense=numbers)
        return
    there = own[piece]
    if there.dense is None:
        there.dense = numbers.reshape(-1, there.first, there.second)
    else:
        there.dense = there.dense + numbers.reshape(there.dense.shape)


def _places(piece: Piece, parameter: Tensor) -> Tensor:
    """The positions of a piece among the numbers of its parameter."""
    count = torch.arange(parameter.numel(), device=parameter.device).view(parameter.shape)
    return piece.of(torch.empty_like(parameter, dtype=torch.long).copy_(count))


def _overlap(pieces: Sequence[Piece], parameter: Tensor) -> bool:
    every = torch.cat([_places(piece, parameter).flatten() for piece in pieces])
    return len(torch.unique(every)) < len(every)
