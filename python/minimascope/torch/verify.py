"""What is checked before a number is believed.

Each check uses a channel that the next does not: two passes against each other, units alone against
units together, central differences of gradients, plain double backward, symmetry. A failure names the
module where it begins.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from .affine import Lookup
from .errors import PointError, explained
from .examples import Examples
from .losses import Loss
from .model import Model
from .structure import Structure, some_units
from .tape import Derivatives, Tape

EXAMPLES = 2


def check_modes(module: nn.Module) -> None:
    """That no module is random or couples examples by the mode that it is in."""
    for path, part in module.named_modules():
        if not part.training:
            continue
        name = f"'{path}' ({type(part).__name__})" if path else type(part).__name__
        rate = max(
            (getattr(part, key) for key in ("p", "dropout") if isinstance(getattr(part, key, None), float)),
            default=0.0,
        )
        dropout = isinstance(part, nn.modules.dropout._DropoutNd) or isinstance(
            part, (nn.MultiheadAttention, nn.RNNBase)
        )
        if dropout and rate > 0:
            raise PointError(
                f"{name} drops out units at random in training mode, so that no loss belongs to the "
                "parameters alone; call model.eval() first."
            )
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            raise PointError(
                f"{name} is in training mode and couples all examples of a batch, so that no H_i exists; "
                "call model.eval() to measure with frozen statistics, or give coupled=True to measure the "
                "sharpness of the whole batch alone."
            )


class Probe:
    """The model on a few units, with plain derivatives."""

    def __init__(self, model: Model, loss: Loss, data: Examples) -> None:
        self.model, self.loss, self.data = model, loss, data
        self.rounding = torch.finfo(model.dtype).eps
        self.constant: list[tuple[int, int]] = []
        """Rows of tables that count as constants (parameter, row): the padding of lookups."""

    def losses(self, data: Examples, composed: bool = False) -> Tensor:
        outputs = self.model.composed(data.inputs) if composed else self.model(data.inputs)
        return self.loss.each(outputs, data.targets, data.count * data.group, data.count)

    def gradient(self, data: Examples) -> Tensor:
        """Σ_i ∇ℓ_i."""
        found = torch.autograd.grad(
            self.losses(data).sum(), self.model.parameters, allow_unused=True
        )
        return self.model.join(found)

    def hessian(self, data: Examples, v: Tensor) -> Tensor:
        """Σ_i H_i v by double backward."""
        total = self.losses(data, composed=True).sum()
        return self.model.double_backward(total, self.model.split(v))

    def direction(self, seed: int) -> Tensor:
        """A direction of the parameters' own scale, the same at each call."""
        generator = torch.Generator().manual_seed(seed)
        parts = [
            torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype).to(p.device)
            * (p.detach().square().mean().sqrt() + 1e-3)
            for p in self.model.parameters
        ]
        for parameter, row in self.constant:
            parts[parameter][row] = 0
        return self.model.join(parts)


@dataclass(frozen=True)
class Passed:
    """Losses and gradient of one pass, and how large rounding in the outputs makes their error: at a
    minimum they are small differences of numbers that are not."""

    losses: Tensor
    gradient: Tensor
    loss_scale: float
    gradient_scale: float


def _passed(probe: Probe, data: Examples) -> Passed:
    outputs = probe.model(data.inputs)
    losses = probe.loss.each(outputs, data.targets, data.count * data.group, data.count)
    leaves = [
        leaf
        for leaf in tree_flatten(outputs)[0]
        if isinstance(leaf, Tensor) and leaf.requires_grad
    ]
    parameters = probe.model.parameters
    found = torch.autograd.grad(losses.sum(), parameters, retain_graph=True, allow_unused=True)
    slopes = torch.autograd.grad(losses.sum(), leaves, retain_graph=True, allow_unused=True)
    energy = torch.stack([leaf.square().sum() / 2 for leaf in leaves]).sum()
    reach = torch.autograd.grad(energy, parameters, allow_unused=True)
    slope = sum(
        float((g * z).detach().abs().sum()) for g, z in zip(slopes, leaves, strict=True) if g is not None
    )
    gradient = probe.model.join(found)
    return Passed(
        losses.detach(),
        gradient,
        float(losses.detach().norm()) + slope + probe.rounding * float(energy.detach()),
        float(gradient.norm()) + float(probe.model.join(reach).norm()),
    )


def check_repeats(probe: Probe) -> None:
    """Two passes give the same loss and gradient."""
    data = some_units(probe.data, EXAMPLES)
    first, second = _passed(probe, data), _passed(probe, data)
    if not bool(torch.isfinite(first.losses).all()):
        raise PointError(
            "the loss is NaN or infinite at these parameters; training diverged, load an earlier checkpoint."
        )
    # Threads may sum in another order: a few hundred roundings at most.
    near = 1e3 * probe.rounding
    losses = float((first.losses - second.losses).norm()) <= near * first.loss_scale
    gradients = float((first.gradient - second.gradient).norm()) <= near * first.gradient_scale
    if not (losses and gradients):
        where = _first_difference(probe, data, data, slice(None), slice(None), near)
        raise PointError(
            f"two passes over the same examples differ{where}: something is random (dropout as a function, "
            "noise, shuffling); call model.eval(), or make it depend on the parameters alone."
        )


def check_uncoupled(probe: Probe) -> None:
    """A unit has the same loss alone and among others."""
    data = some_units(probe.data, 3)
    together = _passed(probe, data)
    alone = torch.cat([probe.losses(data.take([unit])).detach() for unit in range(3)])
    near = 1e4 * probe.rounding
    if not float((together.losses - alone).norm()) <= near * together.loss_scale:
        group = data.group
        where = _first_difference(probe, data, data.take([0]), slice(0, group), slice(0, group), near)
        raise PointError(
            f"the loss of an example depends on the others in its batch{where}, so that no H_i exists; call "
            "model.eval() if it is a normalisation, or give fixed groups as units=, or coupled=True to "
            "measure the sharpness of the whole batch alone."
        )


def check_against_differences(probe: Probe, hessian: Callable[[Tensor], Tensor], data: Examples) -> float:
    """Hv against central differences of gradients; gives the smallest relative difference."""
    v = probe.direction(1)
    found = hessian(v)
    # For a step ε the difference quotient has rounding error ∝ rounding/ε and a truncation error ∝ ε².
    # A wrong formula is wrong at every ε; a kink (ReLU) between the two points disturbs large ε alone.
    best = float("inf")
    scale = float(found.norm())
    steps = (1e-2, 1e-3, 1e-4) if probe.rounding > 1e-10 else (1e-4, 1e-5, 1e-6)
    for step in steps:
        quotient = _quotient(probe, data, v, step)
        size = max(scale, float(quotient.norm()))
        best = min(best, float((quotient - found).norm()) / size if size else 0.0)
    return best


def _quotient(probe: Probe, data: Examples, v: Tensor, step: float) -> Tensor:
    # By .data: a graph that somebody keeps over these parameters does not see them move and return.
    moved = [p.data for p in probe.model.parameters]
    start = [p.clone() for p in moved]
    gradients: list[Tensor] = []
    try:
        for sign in (1, -1):
            for p, s, part in zip(moved, start, probe.model.split(v), strict=True):
                p.copy_(s + sign * step * part)
            gradients.append(probe.gradient(data))
    finally:
        for p, s in zip(moved, start, strict=True):
            p.copy_(s)
    return (gradients[0] - gradients[1]) / (2 * step)


def verify(model: Model, loss: Loss, data: Examples, structure: Structure | None) -> dict[str, float]:
    """Runs every check in the model's precision; where single precision cannot decide, in double
    precision on a copy. Gives the relative differences that were found."""
    probe = Probe(model, loss, data)
    check_repeats(probe)
    few = some_units(data, EXAMPLES)
    found: dict[str, float] = {}
    if structure is None:
        found["hessian against differences"] = check_against_differences(
            probe, lambda v: probe.hessian(few, v), few
        )
        return _judged(probe, few, found, structure)
    check_uncoupled(probe)
    tape = Tape(model, loss, few, structure.plans, structure.outputs)
    probe.constant = [
        (use.weight.parameter, use.affine.padding)
        for use in tape.factors
        if use.weight is not None
        and isinstance(use.affine, Lookup)
        and use.affine.padding is not None
    ]
    _check_gradient(probe, tape)
    found["hessian against differences"] = check_against_differences(
        probe, lambda v: tape.hessian(model.split(v)), few
    )
    v, w = probe.direction(2), probe.direction(3)
    image, other = tape.hessian(model.split(v)), tape.hessian(model.split(w))
    size = float(image.norm() * w.norm())
    found["symmetry"] = abs(float(image @ w - other @ v)) / size if size else 0.0
    moment = tape.second_moment(model.split(v), None)
    plain = torch.zeros_like(moment)
    for unit in range(EXAMPLES):
        one = few.take([unit])
        plain += probe.hessian(one, probe.hessian(one, v))
    found["second moment against double backward"] = _relative(moment, plain)
    bound = 1e-9 if probe.rounding < 1e-10 else 1e-2
    if not found["second moment against double backward"] <= bound:
        raise PointError(
            "the factored product disagrees with double backward by "
            f"{found['second moment against double backward']:.1e} of its norm, most at the parameters of "
            f"{_worst(model, moment, plain)}; leave these out with parameters= and report the model."
        )
    return _judged(probe, few, found, structure)


def _judged(
    probe: Probe, few: Examples, found: dict[str, float], structure: Structure | None
) -> dict[str, float]:
    double = probe.rounding < 1e-10
    if found["hessian against differences"] <= (1e-4 if double else 1e-2) and found.get(
        "symmetry", 0.0
    ) <= (1e-9 if double else 1e-3):
        return found
    if not double and probe.model.device.type != "mps":
        # Rounding or a kink can hide the derivative in single precision.
        return {**found, **verify_double(probe.model, probe.loss, probe.data, structure)}
    where = _wrong_module(probe, few)
    raise PointError(
        f"Hv differs from central differences of gradients by {found['hessian against differences']:.1%}"
        f"{where}: a second derivative is wrong there; write the operation out in plain ones."
    )


def verify_double(
    model: Model, loss: Loss, data: Examples, structure: Structure | None
) -> dict[str, float]:
    """Every check on a copy of the model in double precision."""
    chosen = {id(p): name for name, p in zip(model.names, model.parameters, strict=True)}
    try:
        module = copy.deepcopy(model.module)
    except Exception as error:
        raise PointError(
            f"the model cannot be copied for a check in double precision ({error}); give it in float64."
        ) from error
    module.double()
    names = set(chosen.values())
    twin = Model(module, lambda name, _: name in names)
    few = some_units(data, 3).to(torch.float64, model.device)
    with twin.as_found():
        return {f"{key}, f64": value for key, value in verify(twin, loss, few, structure).items()}


def _check_gradient(probe: Probe, tape: Tape) -> None:
    """Every use of a parameter is seen: the uses' gradients of ⟨w, z⟩, w random, add up to PyTorch's own.
    The gradient of the loss would not do: at a minimum it is zero."""
    v = probe.direction(4)
    leaves = [leaf for leaf, _ in tape.output_leaves()]
    generator = torch.Generator().manual_seed(6)
    seeds = [
        torch.randn(leaf.shape, generator=generator, dtype=torch.float64).to(leaf.dtype).to(leaf.device)
        for leaf in leaves
    ]
    derivatives = Derivatives(tape, leaves, seeds, graph=False)
    found = torch.autograd.grad(
        leaves, probe.model.parameters, seeds, retain_graph=True, allow_unused=True
    )
    gradient = probe.model.join(found)
    size = float(gradient.norm() * v.norm())
    near = 1e4 * probe.rounding * max(size, torch.finfo(probe.model.dtype).tiny)
    if abs(derivatives.value_along(probe.model.split(v)) - float(gradient @ v)) <= near:
        return
    parts = [
        abs(derivatives.value_along(probe.model.split(part)) - float(gradient @ part))
        for part in _by_parameter(probe.model, v)
    ]
    worst = max(range(len(parts)), key=lambda index: parts[index])
    raise PointError(
        f"a use of the parameter '{probe.model.names[worst]}' of {probe.model.owner(worst)} is hidden from "
        "PyTorch's function overrides (a custom autograd function, a script module, an assignment into a "
        "tensor); write it in PyTorch operations, or leave the parameter out with parameters=."
    )


def _by_parameter(model: Model, v: Tensor) -> Sequence[Tensor]:
    found: list[Tensor] = []
    start = 0
    for size in model.sizes:
        part = torch.zeros_like(v)
        part[start : start + size] = v[start : start + size]
        found.append(part)
        start += size
    return found


def _far(a: Tensor, b: Tensor, near: float) -> bool:
    return not float((a - b).norm()) <= near * max(float(a.norm()), float(b.norm()))


def _relative(a: Tensor, b: Tensor) -> float:
    size = max(float(a.norm()), float(b.norm()))
    return float((a - b).norm()) / size if size else 0.0


def _worst(model: Model, a: Tensor, b: Tensor) -> str:
    differences = [float(part.norm()) for part in torch.split(a - b, model.sizes)]
    return model.owner(max(range(len(differences)), key=lambda index: differences[index]))


@contextmanager
def _watching(module: nn.Module, see: Callable[[str, nn.Module, Any, Any], None]) -> Any:
    handles = [
        part.register_forward_hook(
            lambda m, inputs, out, path=path: see(path, m, inputs, out)
        )
        for path, part in module.named_modules()
        if not list(part.children())
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _results(probe: Probe, data: Examples) -> list[tuple[str, Tensor]]:
    found: list[tuple[str, Tensor]] = []

    def see(path: str, module: nn.Module, inputs: Any, out: Any) -> None:
        for leaf in tree_flatten(out)[0]:
            if isinstance(leaf, Tensor) and leaf.is_floating_point():
                found.append((path, leaf.detach().clone()))

    with _watching(probe.model.module, see):
        probe.losses(data)
    return found


def _first_difference(
    probe: Probe, a: Examples, b: Examples, rows_a: slice, rows_b: slice, near: float
) -> str:
    """The first module whose results differ between two passes, in words."""
    first, second = _results(probe, a), _results(probe, b)
    for (path, x), (_, y) in zip(first, second, strict=False):
        if x.ndim == 0 or y.ndim == 0:
            continue
        x, y = x[rows_a], y[rows_b]
        if x.shape == y.shape and _far(x, y, near):
            return f", first in {probe.model.described(path)}"
    return ""


def _wrong_module(probe: Probe, data: Examples) -> str:
    """The first module whose own second derivative disagrees with differences, in words."""
    seen: list[tuple[str, nn.Module, tuple[Any, ...]]] = []
    with _watching(
        probe.model.module, lambda path, m, inputs, out: seen.append((path, m, inputs))
    ):
        probe.losses(data)
    for path, module, inputs in seen:
        places = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.is_floating_point()]
        if not places:
            continue
        place = places[0]
        x = inputs[place].detach().clone()
        generator = torch.Generator().manual_seed(5)
        weights: list[Tensor] = []

        def slope(x: Tensor, graph: bool) -> Tensor:
            x = x.detach().requires_grad_()
            out = module(*(x if i == place else value for i, value in enumerate(inputs)))
            out = tree_flatten(out)[0][0]
            if not weights:
                weights.append(
                    torch.randn(out.shape, generator=generator, dtype=torch.float64).to(out.dtype).to(out.device)
                )
            total = (out * weights[0] + out.square() / 2).sum()
            (found,) = torch.autograd.grad(total, x, create_graph=graph)
            if not graph:
                return found.detach()
            if not found.requires_grad:
                return torch.zeros_like(x)
            (again,) = torch.autograd.grad(found, x, v, allow_unused=True)
            return torch.zeros_like(x) if again is None else again

        v = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x.dtype).to(x.device)
        try:
            exact = slope(x, True)
            step = 1e-5 * (float(x.norm() / v.norm()) + 1e-3)
            quotient = (slope(x + step * v, False) - slope(x - step * v, False)) / (2 * step)
        except RuntimeError as error:
            raise explained(error) from error
        if _relative(exact, quotient) > 1e-4:
            return f", first in {probe.model.described(path)}"
    return ""
