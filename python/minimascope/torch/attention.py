"""Attention in operations that have a second derivative."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

if TYPE_CHECKING:
    from .recorder import Recorder


def _open_version() -> Callable[..., Any]:
    """PyTorch's own function, except that it does not hand itself over to whoever watches: so its
    linear layers are seen one by one."""
    original = F.multi_head_attention_forward
    names = dict(vars(F), has_torch_function=lambda *_: False)
    opened = types.FunctionType(original.__code__, names, original.__name__)
    opened.__defaults__ = original.__defaults__
    opened.__kwdefaults__ = original.__kwdefaults__
    return opened


_MULTI_HEAD_ATTENTION = _open_version()


def multi_head_attention(
    recorder: Recorder, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """`nn.MultiheadAttention` as its linear layers and what lies between them."""
    with recorder.entered():
        return _MULTI_HEAD_ATTENTION(*args, **kwargs)


@contextmanager
def differentiable_attention() -> Iterator[None]:
    """Fused attention has no second derivative; its mathematical form has."""
    with sdpa_kernel([SDPBackend.MATH]):
        yield
