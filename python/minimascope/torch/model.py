"""A model as a function of its chosen parameters: run as it was found, and left as it was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from .attention import differentiable_attention
from .errors import PointError
from .examples import Examples, tensors_in

Predicate = Callable[[str, nn.Parameter], bool]


def unwrapped(model: nn.Module) -> nn.Module:
    """The module inside torch.compile and data-parallel wrappers."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and type(model).__name__ in ("DistributedDataParallel", "DataParallel"):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


class Model:
    """A module and the parameters that are measured, in the order of `named_parameters`."""

    def __init__(self, module: nn.Module, predicate: Predicate | None) -> None:
        self.module = unwrapped(module)
        every = list(self.module.named_parameters())
        if predicate is None:
            chosen = [(name, p) for name, p in every if p.requires_grad]
        else:
            chosen = [(name, p) for name, p in every if predicate(name, p)]
        if not chosen:
            raise PointError(
                "no parameter is left to measure: "
                + (
                    "the model has none with requires_grad."
                    if predicate is None
                    else "parameters= chose none. It is called with (name, parameter)."
                )
            )
        devices = sorted({str(p.device) for _, p in every})
        if len(devices) > 1:
            raise PointError(
                f"the model lies on {' and '.join(devices)}; move all of it to one device."
            )
        if devices == ["meta"]:
            raise PointError("the model lies on the meta device and has no numbers; load its weights first.")
        for name, parameter in chosen:
            if isinstance(parameter, UninitializedParameter):
                raise PointError(
                    f"the parameter '{name}' has no values yet; run the model once on a batch first."
                )
            if not parameter.is_floating_point():
                raise PointError(
                    f"the parameter '{name}' holds {parameter.dtype}, which has no derivative; leave it "
                    "out with parameters=, and measure quantised models before they are quantised."
                )
            if not bool(torch.isfinite(parameter).all()):
                raise PointError(
                    f"the parameter '{name}' holds NaN or an infinite number; training diverged, load an "
                    "earlier checkpoint."
                )
        if len({p.dtype for _, p in chosen}) > 1 or chosen[0][1].dtype not in (
            torch.float32,
            torch.float64,
        ):
            kinds = sorted({str(p.dtype) for _, p in chosen})
            raise PointError(
                f"parameters are {', '.join(kinds)}; curvature needs one precision, float32 or float64: "
                "call model.float() on a copy first."
            )
        self.names = [name for name, _ in chosen]
        self.parameters: list[Tensor] = [p for _, p in chosen]
        self.sizes = [p.numel() for p in self.parameters]
        self.dtype = self.parameters[0].dtype
        self.device = self.parameters[0].device
        self._modes = [(m, m.training) for m in self.module.modules()]

    @property
    def count(self) -> int:
        """P."""
        return sum(self.sizes)

    def check_device(self, examples: Examples) -> None:
        """That model and examples share one."""
        for tensor in tensors_in((examples.inputs, examples.targets)):
            if tensor.device != self.device:
                raise PointError(
                    f"the model lies on {self.device} and the examples on {tensor.device}; move both to "
                    "one device."
                )

    def owner(self, index: int) -> str:
        """The module that owns a parameter, with its class."""
        path = self.names[index].rpartition(".")[0]
        return self.described(path)

    def described(self, path: str) -> str:
        """A module by path and class."""
        module = self.module.get_submodule(path)
        return f"'{path}' ({type(module).__name__})" if path else type(module).__name__

    @contextmanager
    def as_found(self) -> Iterator[None]:
        """Inside, the chosen parameters alone have gradients, modules have the modes in which the
        point was built, and attention can be differentiated twice. Outside, everything (modes, flags,
        random numbers, gradients) is as it was."""
        every = list(self.module.parameters())
        flags = [(p, p.requires_grad) for p in every]
        modes = [(m, m.training) for m in self.module.modules()]
        # Batch norm in training mode moves its statistics at each pass.
        buffers = [
            (buffer, buffer.clone())
            for module, training in self._modes
            if training
            for buffer in module.buffers(recurse=False)
        ]
        chosen = {id(p) for p in self.parameters}
        devices = [self.device] if self.device.type == "cuda" else []
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            if self.device.type in ("cpu", "cuda"):
                stack.enter_context(torch.autocast(self.device.type, enabled=False))
            stack.enter_context(torch.random.fork_rng(devices))
            stack.enter_context(differentiable_attention())
            try:
                for parameter in every:
                    wanted = id(parameter) in chosen
                    if parameter.requires_grad != wanted:
                        parameter.requires_grad_(wanted)
                for module, training in self._modes:
                    module.training = training
                yield
            finally:
                for parameter, flag in flags:
                    if parameter.requires_grad != flag:
                        parameter.requires_grad_(flag)
                for module, training in modes:
                    module.training = training
                with torch.no_grad():
                    for buffer, value in buffers:
                        buffer.copy_(value)

    def __call__(self, inputs: Any) -> Any:
        if isinstance(inputs, Tensor):
            return self.module(inputs)
        if isinstance(inputs, dict) or hasattr(inputs, "keys"):
            return self.module(**inputs)
        if isinstance(inputs, (tuple, list)):
            return self.module(*inputs)
        return self.module(inputs)

    def composed(self, inputs: Any) -> Any:
        """The outputs, with the operations that PyTorch cannot differentiate twice written out."""
        from .recorder import Recorder

        with Recorder(self.parameters, 1, None):
            return self(inputs)

    def double_backward(self, total: Tensor, v: Sequence[Tensor]) -> Tensor:
        """∇²total v by two reverse passes."""
        found = torch.autograd.grad(total, self.parameters, create_graph=True, allow_unused=True)
        pairs = [(g, part) for g, part in zip(found, v, strict=True) if g is not None and g.requires_grad]
        if not pairs:
            return self.join([None] * len(self.parameters))
        again = torch.autograd.grad(
            [g for g, _ in pairs],
            self.parameters,
            [part for _, part in pairs],
            allow_unused=True,
        )
        return self.join(again)

    def split(self, flat: Tensor) -> list[Tensor]:
        """A vector of P numbers as one tensor a parameter, each in memory as its parameter is."""
        parts: list[Tensor] = []
        for part, parameter in zip(torch.split(flat, self.sizes), self.parameters, strict=True):
            shaped = part.view(parameter.shape)
            if not parameter.is_contiguous():
                shaped = torch.empty_like(parameter).copy_(shaped)
            parts.append(shaped)
        return parts

    def join(self, parts: Sequence[Tensor | None]) -> Tensor:
        """The inverse of `split`; nothing is zero."""
        return torch.cat(
            [
                torch.zeros(size, dtype=self.dtype, device=self.device)
                if part is None
                else part.detach().reshape(-1)
                for part, size in zip(parts, self.sizes, strict=True)
            ]
        )
