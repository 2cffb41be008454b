"""Every bad input gives one sentence that says what to do."""

from __future__ import annotations

from typing import Any

import minimascope.torch as mt
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

X, Y = torch.randn(6, 4), torch.randn(6, 2)


def model(*between: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 5), *(between or (nn.Tanh(),)), nn.Linear(5, 2))


def refused(words: str, *arguments: Any, **options: Any) -> None:
    with pytest.raises(mt.PointError, match=words) as caught:
        mt.point(*arguments, **options)
    text = str(caught.value)
    assert "\n" not in text and text.endswith("."), text


def test_scalar_loss() -> None:
    refused("gives one number for all", model(), F.mse_loss, (X, Y))
    refused("reduction='none'", model(), nn.MSELoss(), (X, Y))


def test_loss_of_another_shape() -> None:
    refused("one number per example", model(), lambda z, y: (z - y) ** 2, (X, Y))


def test_unknown_loss() -> None:
    refused("take one of", model(), "hinge", (X, Y))


def test_dropout_in_training_mode() -> None:
    refused(r"'1' \(Dropout\) drops out.*model.eval", model(nn.Dropout(0.5)), "mse", (X, Y))


def test_dropout_as_a_function() -> None:
    class Noisy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.dropout(x, 0.5, training=True)

    refused(r"first in '1' \(Noisy\)", model(Noisy()).eval(), "mse", (X, Y))


def test_batch_norm_in_training_mode() -> None:
    refused(r"'1' \(BatchNorm1d\).*model.eval", model(nn.BatchNorm1d(5)), "mse", (X, Y))


def test_coupled_examples() -> None:
    class Centred(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(x - x.mean(0))

    refused(r"depends on the others.*first in '1' \(Centred\)", model(Centred()), "mse", (X, Y))


def test_two_devices() -> None:
    refused("model lies on cpu and the examples on meta", model(), lambda z, y: z, (X.to("meta"), Y))
    refused("load its weights", model().to("meta"), "mse", (X, Y))
    split = model()
    split[2].to("meta")
    refused("lies on cpu and meta; move all", split, "mse", (X, Y))


def test_nan() -> None:
    broken = model()
    with torch.no_grad():
        broken[0].weight[0, 0] = float("nan")
    refused("'0.weight' holds NaN", broken, "mse", (X, Y))
    refused("inputs or targets hold NaN", model(), "mse", (X / 0, Y))
    refused("loss is NaN", model(), lambda z, y: (z - y).sum(1) * float("nan"), (X, Y))


def test_integer_parameters() -> None:
    class Quantised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 2, dtype=torch.int8), requires_grad=False)
            self.scale = nn.Parameter(torch.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight.to(x.dtype) * self.scale

    refused("torch.int8, which has no derivative", Quantised(), "mse", (X, Y), parameters=lambda *_: True)
    mt.point(Quantised(), "mse", (X, Y))


def test_half_precision() -> None:
    refused(r"model.float\(\)", model().bfloat16(), "mse", (X.bfloat16(), Y.bfloat16()))


def test_no_second_derivative() -> None:
    class Fused(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = x.view(-1, 1, 1, 5)
            with sdpa_kernel([SDPBackend.FLASH_ATTENTION]):
                return F.scaled_dot_product_attention(x, x, x).flatten(1)

    refused("has no second derivative.*plain form", model(Fused()), "mse", (X, Y))


def test_second_derivative_that_is_cut() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: Tensor) -> Tensor:
            context.save_for_backward(x)
            return x.exp()

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context: Any, gradient: Tensor) -> Tensor:
            return gradient * context.saved_tensors[0].exp()

    class Module(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = Once.apply(x)
            return found

    # PyTorch's own guard does not speak where only parameters before the function are asked for.
    refused(r"differs from central differences.*first in '1' \(Module\)", model(Module()), "mse", (X, Y))


def test_wrong_second_derivative() -> None:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: Tensor) -> Tensor:
            context.save_for_backward(x)
            return x.exp()

        @staticmethod
        def backward(context: Any, gradient: Tensor) -> Tensor:
            return gradient * context.saved_tensors[0].exp().detach()

    class Module(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = Wrong.apply(x)
            return found

    refused(r"differs from central differences.*first in '1' \(Module\)", model(Module()), "mse", (X, Y))


def test_hidden_use_of_a_parameter() -> None:
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: Tensor, gain: Tensor) -> Tensor:
            context.save_for_backward(x, gain)
            return x * gain

        @staticmethod
        def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
            x, gain = context.saved_tensors
            return gradient * gain, (gradient * x).sum(0)

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(5))

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = Product.apply(x, self.gain)
            return found

    refused(r"'1.gain' of '1' \(Module\) is hidden", model(Module()), "mse", (X, Y))


def test_too_little_memory() -> None:
    refused("one unit needs about.*raise memory=", model(), "mse", (X, Y), memory=100)


def test_empty_subset() -> None:
    refused("parameters= chose none", model(), "mse", (X, Y), parameters=lambda *_: False)
    frozen = model().requires_grad_(False)
    refused("none with requires_grad", frozen, "mse", (X, Y))


def test_optimisers_that_are_not_the_theorys() -> None:
    net = model()
    refused("Adam is not an optimiser", net, "mse", (X, Y), optimizer=torch.optim.Adam(net.parameters()))
    nesterov = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, nesterov=True)
    refused("nesterov=False", net, "mse", (X, Y), optimizer=nesterov)
    groups = torch.optim.SGD([{"params": net[0].parameters(), "lr": 0.2}, {"params": net[2].parameters()}], 0.1)
    refused("different learning rates", net, "mse", (X, Y), optimizer=groups)


def test_optimiser_settings() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=0.01)
    point = mt.point(net, "mse", (X, Y), optimizer=optimizer)
    assert point.weight_decay == 0.01
    assert point.optimizer is not None
    assert (point.optimizer.learning_rate, point.optimizer.momentum) == (0.1, 0.9)


def test_shapes() -> None:
    refused("one entry an example", model(), "mse", (X, Y[:5]))
    refused("pair", model(), "mse", [X])
    refused("targets have shape", model(), "mse", (X, torch.randn(6, 3)))
    refused("names classes|name classes", model(), "cross-entropy", (X, torch.arange(6)))
    refused("one output", model(), "binary-logistic", (X, torch.zeros(6)))


def test_units() -> None:
    refused("does not divide 6", model(), "mse", (X, Y), units=4)
    refused("equal size", model(), "mse", (X, Y), units=[[0, 1], [2, 3, 4, 5]])


def test_path_that_depends_on_the_batch() -> None:
    class Path(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.tanh() if len(x) == 2 else x.sin().cos()

    refused("path depends", model(Path()), "mse", (X, Y))


def test_vectors() -> None:
    point = mt.point(model(), "mse", (X, Y))
    import numpy as np

    with pytest.raises(mt.PointError, match="has shape"):
        point.product("hessian", np.ones(3))
    with pytest.raises(mt.PointError, match="NaN"):
        point.product("hessian", np.full(point.parameters, np.nan))
    with pytest.raises(mt.PointError, match="there are hessian"):
        point.product("fisher", np.ones(point.parameters))  # type: ignore[arg-type]
    with pytest.raises(mt.PointError, match="from 0 to 5"):
        point.at_units([6])


def test_engine() -> None:
    refused("engine cannot run this model", model(nn.ELU()), "mse", (X, Y), engine="native")
    refused("is not known", model(), "mse", (X, Y), engine="rust")
