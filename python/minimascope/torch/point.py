"""A PyTorch model at its parameters, as a trained point: everything the theory needs of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from minimascope._point import Array, Cost, Facts, Matrix, Precision

from .chunks import Chunks
from .errors import PathChanged, PointError, explained
from .examples import Examples
from .gram import blocks_of, gram_of
from .losses import Loss
from .model import Model
from .optimizers import OptimizerState
from .structure import Structure, structure
from .tape import Tape

MATRICES: tuple[Matrix, ...] = ("hessian", "gauss-newton", "second-moment", "variance")
# A_i needs K × K numbers for each unit.
MOST_OUTPUTS = 4096


class Point:
    """A model, a loss and examples at the model's parameters; `minimascope.torch.point` makes it.

    With n units, ℓ_i the loss of unit i, H_i = ∇²ℓ_i + λI (λ the weight decay), H = mean H_i: products
    with H, with the Gauss–Newton matrix G = mean A_iᵀA_i + λI, with mean H_i², and with
    Σ = mean (H_i − H)²; A x and Aᵀu for the square-root factors A_i = L_i^{1/2}J_i. Vectors are float64
    arrays of P numbers in the order of `names`; the work is in the model's precision on its device.

    The point follows its model: if parameters change, the next product is at the new ones.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        data: Examples,
        structure: Structure | None,
        chunks: Chunks | None,
        weight_decay: float,
        optimizer: OptimizerState | None,
    ) -> None:
        self._model, self._loss, self._data = model, loss, data
        self._structure, self._chunks = structure, chunks
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.notes: list[str] = []
        self.verified: dict[str, float] = {}
        """Relative differences that the checks at construction found."""
        self.engine = "torch"
        """What computes the products, and with engine="auto" why not the native engine."""
        self._tapes: list[Tape] = []
        self._print: tuple[Any, ...] = ()
        self._outputs: int | None = None
        self._operations: dict[str, float] = {}

    # -- what it is ----------------------------------------------------------------------------

    @property
    def parameters(self) -> int:
        """P."""
        return self._model.count

    @property
    def names(self) -> list[str]:
        """The parameters that are measured, in the order of vectors."""
        return list(self._model.names)

    @property
    def units(self) -> int:
        """n: examples, or groups of them."""
        return self._data.count

    @property
    def outputs(self) -> int:
        """K, the rows of A_i: the outputs of a unit that the loss sees."""
        if self._outputs is None:
            with self._run():
                self._outputs = self._count_outputs()
        return self._outputs

    @property
    def precision(self) -> Precision:
        """Of the products."""
        return "f64" if self._model.dtype == torch.float64 else "f32"

    @property
    def momentum(self) -> float:
        """β of the optimiser that was given, 0 without one."""
        return 0.0 if self.optimizer is None else self.optimizer.momentum

    @property
    def remarks(self) -> list[str]:
        """Sentences for the notes of every answer."""
        return list(self.notes)

    @property
    def coupled(self) -> bool:
        """Whether every unit sees the whole batch: then H exists and no H_i does."""
        return self._structure is None

    @property
    def device(self) -> torch.device:
        """The model's."""
        return self._model.device

    def __repr__(self) -> str:
        name = type(self._model.module).__name__
        return (
            f"Point({name}: {self.parameters:,} parameters, {self.units:,} units, {self.precision} on "
            f"{self.device}{', coupled' if self.coupled else ''})"
        )

    def facts(self) -> Facts:
        """Loss, gradient norm, accuracy."""
        right, known = 0, True
        with self._run():
            for tape in self._passes():
                found = self._loss.accuracy(tape.outputs, tape.chunk.targets)
                known = known and found is not None
                right += 0 if found is None else int(found.sum())
        examples = self._data.count * self._data.group
        return Facts(
            float(self.unit_losses().mean()),
            float(np.linalg.norm(self.gradient())),
            right / examples if known else None,
        )

    def cost(self, matrix: Matrix) -> Cost:
        """Of one product, counted by PyTorch on a few units."""
        if matrix not in self._operations:
            few = self.at_units(range(min(self.units, 2))) if not self.coupled else self
            counter = FlopCounterMode(display=False)
            with counter:
                few.product(matrix, np.ones(self.parameters))
            share = self.units / few.units
            self._operations[matrix] = counter.get_total_flops() / 2 * share
        held = 6 * self.parameters * torch.finfo(self._model.dtype).bits // 8
        if self._chunks is not None:
            units = self.units if self._chunks.kept else self._chunks.size
            held += int(self._chunks.bytes_per_unit * (units + min(units, self._chunks.size)))
        return Cost(self._operations[matrix], held)

    # -- products ------------------------------------------------------------------------------

    def product(self, matrix: Matrix, x: Array) -> Array:
        """`matrix` x: P numbers from P.

        "second-moment" is mean_i H_i(H_i x), "variance" mean_i (H_i − H)² x.
        """
        if matrix not in MATRICES:
            raise PointError(f"no matrix '{matrix}'; there are {', '.join(MATRICES)}.")
        x = np.asarray(x, np.float64)
        if x.shape != (self.parameters,):
            raise PointError(f"the vector has shape {x.shape} and the point {self.parameters} parameters.")
        decay = self.weight_decay
        if matrix == "hessian":
            return self._hessian(x) + decay * x
        self._needs_units(matrix)
        if matrix == "gauss-newton":
            return self._gauss_newton(x) + decay * x
        if matrix == "variance":
            return self._moment(x, self._hessian(x))
        moment = self._moment(x, None)
        if decay:
            # mean (H_i + λ)² = mean H_i² + 2λH + λ².
            moment = moment + 2 * decay * self._hessian(x) + decay**2 * x
        return moment

    def _hessian(self, x: Array) -> Array:
        if self.coupled:
            with self._run():
                return self._coupled_hessian(x)
        return self._mean(lambda tape, v: tape.hessian(v), x)

    def _moment(self, x: Array, less: Array | None) -> Array:
        shared = None if less is None else self._model.split(self._tensor(less))
        return self._mean(lambda tape, v: tape.second_moment(v, shared), x)

    def _gauss_newton(self, x: Array) -> Array:
        def one(tape: Tape, v: Sequence[Tensor]) -> Tensor:
            moved = tape.outputs_along(v)
            if moved.shape[1] <= MOST_OUTPUTS:
                base = self._root(tape)
                moved = (base @ (base.transpose(1, 2) @ moved[:, :, None]))[:, :, 0]
            else:
                moved = tape.loss_curvature(moved[:, :, None])[:, :, 0]
            return tape.outputs_transposed(moved)

        return self._mean(one, x)

    def factor_product(self, x: Array) -> Array:
        """A x: number i·K + k is row k of A_i times x."""
        self._needs_factors()
        parts: list[Array] = []
        v = self._model.split(self._tensor(x))
        with self._run():
            for tape in self._passes():
                moved = self._root(tape).transpose(1, 2) @ tape.outputs_along(v)[:, :, None]
                parts.append(_array(moved.reshape(-1)))
        return np.concatenate(parts)

    def factor_transposed(self, u: Array) -> Array:
        """Aᵀu: P numbers from nK."""
        self._needs_factors()
        weights = torch.as_tensor(np.asarray(u, np.float64)).to(self.device, self._model.dtype)
        weights = weights.reshape(self.units, self.outputs)
        total = np.zeros(self.parameters)
        start = 0
        with self._run():
            for tape in self._passes():
                part = weights[start : start + tape.units]
                start += tape.units
                seed = (self._root(tape) @ part[:, :, None])[:, :, 0]
                total += _array(tape.outputs_transposed(seed))
        return total

    def gram(self) -> Array:
        """AAᵀ: nK × nK."""
        self._needs_factors()
        chunks = self._ready()
        with self._run():
            return gram_of(self._tape, self._root, self.units, self.outputs, chunks.budget)

    def blocks(self) -> Array:
        """A_iA_iᵀ of every unit: n × K × K."""
        self._needs_factors()
        chunks = self._ready()
        with self._run():
            return blocks_of(self._tape, self._root, self.units, self.outputs, chunks.budget)

    def gradient(self) -> Array:
        """∇f, weight decay included."""
        total = np.zeros(self.parameters)
        with self._run():
            for tape in self._passes():
                total += _array(tape.gradient())
                del tape
        if not self.weight_decay:
            return total / self.units
        theta = _array(self._model.join(self._model.parameters))
        return total / self.units + self.weight_decay * theta

    def unit_losses(self) -> Array:
        """ℓ_i, without weight decay."""
        with self._run():
            losses = [_array(tape.losses) for tape in self._passes()]
        return np.concatenate(losses)

    def at_units(self, units: Sequence[int]) -> Point:
        """The point with the mean over these units alone."""
        self._needs_units("at_units")
        chosen = [int(unit) for unit in units]
        if not chosen or min(chosen) < 0 or max(chosen) >= self.units:
            raise PointError(f"units must be numbers from 0 to {self.units - 1}, at least one.")
        part = Point(
            self._model,
            self._loss,
            self._data.take(chosen),
            self._structure,
            self._ready(),
            self.weight_decay,
            self.optimizer,
        )
        part.verified = self.verified
        return part

    def with_own_examples(self) -> Point:
        """The same point on a copy of its examples, which nobody else can change."""
        own = Point(
            self._model,
            self._loss,
            self._data.own_copy(),
            self._structure,
            self._chunks,
            self.weight_decay,
            self.optimizer,
        )
        own.verified = self.verified
        return own

    # -- for PyTorch users -----------------------------------------------------------------------

    def hvp(self, v: Tensor) -> Tensor:
        """Hv for a tensor of P numbers, on the model's device."""
        return self._tensor(self.product("hessian", _array(v)))

    def split(self, x: Array) -> dict[str, Tensor]:
        """A vector as one tensor a parameter, by name."""
        return dict(zip(self.names, self._model.split(self._tensor(x)), strict=True))

    # -- work ----------------------------------------------------------------------------------

    def _tensor(self, x: Array) -> Tensor:
        if not np.isfinite(x).all():
            raise PointError("a vector holds NaN or an infinite number.")
        return torch.as_tensor(np.asarray(x, np.float64)).to(self._model.dtype).to(self.device)

    def _ready(self) -> Chunks:
        assert self._chunks is not None
        return self._chunks

    def _needs_units(self, what: str) -> None:
        if self.coupled:
            raise PointError(
                f"'{what}' needs the Hessian of single units, and batch norm in training mode couples all "
                "of them; call model.eval() and build the point again."
            )

    def _needs_factors(self) -> None:
        self._needs_units("A")
        if self.outputs > MOST_OUTPUTS:
            raise PointError(
                f"A has {self.outputs:,} rows a unit, and L_i^(1/2) needs their square; more than "
                f"{MOST_OUTPUTS:,} are not computed. Products with 'gauss-newton' work without A."
            )

    def _tape(self, units: range) -> Tape:
        assert self._structure is not None
        found, chunk = self._structure, self._data.take(units)
        try:
            return Tape(self._model, self._loss, chunk, found.plans, found.outputs)
        except PathChanged:
            # A trainer turned a cache off, or the like: the new path is found once more.
            found.replace(structure(self._model, self._loss, self._data))
            return Tape(self._model, self._loss, chunk, found.plans, found.outputs)

    def _fingerprint(self) -> tuple[Any, ...]:
        # All of the model: parameters that are not measured and the statistics of frozen batch norm too.
        watched = [p.detach() for p in self._model.module.parameters() if p.is_floating_point()]
        watched += [b for b in self._model.module.buffers() if b.is_floating_point()]
        norms = torch._foreach_norm(watched)
        total = torch.stack([norm.to(self._model.dtype) for norm in norms]).cpu()
        versions = tuple(tensor._version for tensor in self._model.parameters)
        return (versions, tuple(total.tolist()))

    @contextmanager
    def _run(self) -> Iterator[None]:
        """The model ready for derivatives; what PyTorch refuses is said in one sentence."""
        with self._model.as_found():
            try:
                yield
            except (RuntimeError, NotImplementedError) as error:
                better = explained(error)
                if better is error:
                    raise
                raise better from error

    def _passes(self) -> Iterator[Tape]:
        """The chunks' tapes at the parameters as they are now; inside `_run` alone."""
        if self.coupled:
            yield _WholeBatch(self._model, self._loss, self._data)
            return
        chunks = self._ready()
        state = self._fingerprint()
        if state != self._print:
            self._tapes, self._print = [], state
        if self._tapes:
            yield from self._tapes
            return
        kept: list[Tape] = []
        for units in chunks.of(self.units):
            tape = self._tape(units)
            yield tape
            if chunks.kept:
                kept.append(tape)
            del tape
        self._tapes = kept

    def _mean(self, one: Callable[[Tape, Sequence[Tensor]], Tensor], x: Array) -> Array:
        total = np.zeros(self.parameters)
        v = self._model.split(self._tensor(x))
        with self._run():
            for tape in self._passes():
                total += _array(one(tape, v))
                del tape  # Before the next one is made.
        if not np.isfinite(total).all():
            raise PointError(
                "a product is NaN or infinite: the second derivative overflows at these parameters; use "
                "model.double() on a copy, or an earlier checkpoint."
            )
        return total / self.units

    def _root(self, tape: Tape) -> Tensor:
        base, negative = tape.loss_root()
        if negative > 1e-6:
            note = (
                f"the loss is not convex in the outputs (a negative curvature of {negative:.1%} of the "
                "largest): A leaves its negative part out."
            )
            if not any(n.startswith("the loss is not convex") for n in self.notes):
                self.notes.append(note)
        return base

    def _count_outputs(self) -> int:
        if self.coupled:
            outputs = self._model(self._data.take(range(1)).inputs)
            return int(outputs.numel()) if isinstance(outputs, Tensor) else 0
        tape = self._tape(range(1))
        return int(tape.flat(tape.output_leaves()).shape[1])

    def _coupled_hessian(self, x: Array) -> Array:
        v = self._model.split(self._tensor(x))
        whole = _WholeBatch(self._model, self._loss, self._data)
        return _array(whole.hessian(v)) / self.units


class _WholeBatch(Tape):
    """All units at once, coupled: their gradient and their Hessian by plain double backward."""

    def __init__(self, model: Model, loss: Loss, data: Examples) -> None:
        self.model, self.loss, self.chunk = model, loss, data
        self.units = data.count
        self.outputs = model.composed(data.inputs)
        self.losses = loss.each(self.outputs, data.targets, data.count * data.group, data.count)

    def hessian(self, v: Sequence[Tensor]) -> Tensor:
        return self.model.double_backward(self.losses.sum(), v)


def _array(tensor: Tensor) -> Array:
    return tensor.detach().cpu().double().numpy()
