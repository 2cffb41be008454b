"""Second derivatives of PyTorch's operations by mode, against central differences, f64.

Run as a program it prints the table; `test_second_derivatives.py` holds what is known of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as F
from torch import Tensor
from torch.func import grad, jvp

Operation = Callable[[Tensor], Tensor]


def _cells(name: str, size: int) -> Operation:
    def run(x: Tensor) -> Tensor:
        torch.manual_seed(1)
        module = getattr(torch.nn, name)(size, 3, batch_first=True).double()
        found: Tensor = module(x[None] if x.ndim == 2 else x)[0]
        return found

    return run


def _fixed(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _weight_norm(x: Tensor) -> Tensor:
    return torch._weight_norm(x, _fixed(x.shape[0], 1), 0)


def _own_weight_norm(x: Tensor) -> Tensor:
    from minimascope.torch.rules import plain_weight_norm

    return plain_weight_norm(x, _fixed(x.shape[0], 1), 0)


# Shapes: rows × 5, or batch × 4 channels × 6 (× 6).
OPERATIONS: dict[str, tuple[Operation, tuple[int, ...]]] = {
    "layer_norm": (lambda x: F.layer_norm(x, (5,)), (3, 5)),
    "rms_norm": (lambda x: F.rms_norm(x, (5,)), (3, 5)),
    "group_norm": (lambda x: F.group_norm(x, 2), (3, 4, 6)),
    "instance_norm": (F.instance_norm, (3, 4, 6)),
    "batch_norm, training": (lambda x: F.batch_norm(x, None, None, training=True), (3, 4, 6)),
    "batch_norm, frozen": (lambda x: F.batch_norm(x, _fixed(4), _fixed(4).square() + 0.5).square(), (3, 4, 6)),
    "weight_norm": (_weight_norm, (3, 5)),
    "weight_norm, ours": (_own_weight_norm, (3, 5)),
    "normalize": (lambda x: F.normalize(x, dim=1), (3, 5)),
    "softmax": (lambda x: x.softmax(1), (3, 5)),
    "log_softmax": (lambda x: x.log_softmax(1), (3, 5)),
    "logsumexp": (lambda x: x.logsumexp(1), (3, 5)),
    "cross_entropy": (lambda x: F.cross_entropy(x, torch.arange(3), reduction="none"), (3, 5)),
    "smooth_l1_loss": (lambda x: F.smooth_l1_loss(x, torch.zeros_like(x), reduction="none"), (3, 5)),
    "huber_loss": (lambda x: F.huber_loss(x, torch.zeros_like(x), reduction="none"), (3, 5)),
    "gelu": (F.gelu, (3, 5)),
    "silu": (F.silu, (3, 5)),
    "mish": (F.mish, (3, 5)),
    "softplus": (F.softplus, (3, 5)),
    "elu": (F.elu, (3, 5)),
    "selu": (F.selu, (3, 5)),
    "celu": (F.celu, (3, 5)),
    "hardswish": (F.hardswish, (3, 5)),
    "logsigmoid": (F.logsigmoid, (3, 5)),
    "glu": (lambda x: F.glu(x, 1), (3, 4, 6)),
    "prelu": (lambda x: F.prelu(x, _fixed(4)).square(), (3, 4, 6)),
    "matmul": (lambda x: x @ x.transpose(-1, -2), (3, 5)),
    "bilinear": (lambda x: F.bilinear(x, x, _fixed(2, 5, 5)), (3, 5)),
    "conv2d": (lambda x: F.conv2d(x, _fixed(2, 4, 3, 3)).square(), (2, 4, 6, 6)),
    "conv_transpose2d": (lambda x: F.conv_transpose2d(x, _fixed(4, 2, 3, 3)).square(), (2, 4, 6, 6)),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2).square(), (2, 4, 6, 6)),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 2).square(), (2, 4, 6, 6)),
    "interpolate, bilinear": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear").square(), (2, 4, 6, 6)),
    "interpolate, bicubic": (lambda x: F.interpolate(x, scale_factor=2, mode="bicubic").square(), (2, 4, 6, 6)),
    "grid_sample": (lambda x: F.grid_sample(x.square(), _fixed(2, 3, 3, 2), align_corners=False), (2, 4, 6, 6)),
    "cosine_similarity": (lambda x: F.cosine_similarity(x, _fixed(3, 5)), (3, 5)),
    "pairwise_distance": (lambda x: F.pairwise_distance(x, _fixed(3, 5)), (3, 5)),
    "cdist": (lambda x: torch.cdist(x, _fixed(2, 5)), (3, 5)),
    "var": (lambda x: x.var(1), (3, 5)),
    "std": (lambda x: x.std(1), (3, 5)),
    "prod": (lambda x: x.prod(1), (3, 5)),
    "cumprod": (lambda x: x.cumprod(1), (3, 5)),
    "logcumsumexp": (lambda x: x.logcumsumexp(1), (3, 5)),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), (2, 4, 6)),
    "attention, mathematical": (lambda x: _mathematical(x), (2, 4, 6)),
    "lstm": (_cells("LSTM", 6), (2, 4, 6)),
    "gru": (_cells("GRU", 6), (2, 4, 6)),
    "rnn": (_cells("RNN", 6), (2, 4, 6)),
    "stft": (lambda x: torch.stft(x, 6, return_complex=True, window=torch.ones(6).double()).abs(), (2, 24)),
}


def _mathematical(x: Tensor) -> Tensor:
    with torch.nn.attention.sdpa_kernel([torch.nn.attention.SDPBackend.MATH]):
        found: Tensor = F.scaled_dot_product_attention(x, x, x)
    return found


def _double_backward(f: Operation, x: Tensor, v: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
    (found,) = torch.autograd.grad(gradient, x, v)
    return found


def _forward_over_reverse(f: Operation, x: Tensor, v: Tensor) -> Tensor:
    found: Tensor = jvp(grad(f), (x,), (v,))[1]
    return found


def _reverse_over_forward(f: Operation, x: Tensor, v: Tensor) -> Tensor:
    found: Tensor = grad(lambda x: jvp(f, (x,), (v,))[1])(x)
    return found


def _dual_numbers(f: Operation, x: Tensor, v: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    with forward_ad.dual_level():
        slope = forward_ad.unpack_dual(f(forward_ad.make_dual(x, v))).tangent
    assert slope is not None
    (found,) = torch.autograd.grad(slope, x)
    return found


MODES: dict[str, Callable[[Operation, Tensor, Tensor], Tensor]] = {
    "double backward": _double_backward,
    "forward over reverse": _forward_over_reverse,
    "reverse over forward": _reverse_over_forward,
    "dual numbers": _dual_numbers,
}


def judge(name: str) -> dict[str, str]:
    """"right", "wrong" or "error" for each mode."""
    operation, shape = OPERATIONS[name]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*shape, generator=generator, dtype=torch.float64)
    v = torch.randn(*shape, generator=generator, dtype=torch.float64)
    weights: list[Tensor] = []

    def f(x: Tensor) -> Tensor:
        out = operation(x)
        if not weights:
            weights.append(torch.randn(out.shape, generator=generator, dtype=torch.float64))
        return (out * weights[0]).sum()

    def gradient(x: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        (found,) = torch.autograd.grad(f(x), x)
        return found

    step = 1e-5
    quotient = (gradient(x + step * v) - gradient(x - step * v)) / (2 * step)
    verdicts: dict[str, str] = {}
    for mode, run in MODES.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = run(f, x, v)
            # Truncation ε² and rounding 1e-16/ε are both 1e-10 of the derivatives' size; the wrong ones
            # that are known are off by more than a tenth.
            size = float(quotient.norm())
            verdicts[mode] = "right" if float((found - quotient).norm()) < 1e-5 * size else "wrong"
        except (RuntimeError, NotImplementedError, AssertionError):
            verdicts[mode] = "error"
    return verdicts


if __name__ == "__main__":
    print(f"PyTorch {torch.__version__}")
    print("| operation |", " | ".join(MODES), "|")
    for name in OPERATIONS:
        print(f"| {name} |", " | ".join(judge(name).values()), "|")
