"""The factored product over every rule and every way to use a parameter, against brute force in f64."""

from __future__ import annotations

from collections.abc import Callable

import minimascope.torch as mt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from packages import needed
from torch import Tensor, nn

from brute_force import BruteForce, compare, relative


def each_square(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs - targets) ** 2).flatten(1).mean(1)


class Transformer(nn.Module):
    """Tied embedding, class token, positions, a scalar through exp, a gain: parameters used bare."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 8, padding_idx=3)
        self.places = nn.Parameter(torch.randn(1, 9, 8))
        self.first = nn.Parameter(torch.randn(1, 1, 8))
        self.scale = nn.Parameter(torch.tensor(0.3))
        self.gain = nn.Parameter(torch.randn(8))
        self.block = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.norm = nn.RMSNorm(8)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.table.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.table(tokens) * self.scale.exp()
        x = torch.cat([self.first.expand(len(x), -1, -1), x], 1)
        x = self.block(x + self.places[:, : x.shape[1]])
        found: Tensor = self.head(self.norm(x[:, 0]) * self.gain)
        return found


class TiedTransposed(nn.Module):
    """A weight used straight and transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 4))
        self.bias = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.weight.T) @ self.weight + self.bias


class TimeFirst(nn.Module):
    """Units in the second dimension, and flattened behind the positions."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2)
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(0, 1)
        x = self.attention(x, x[:2], x[:2])[0]
        return self.linear(x.reshape(-1, 4)).view(len(x), -1, 3).mean(0)


class Cells(nn.Module):
    def __init__(self, kind: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.cells = kind(4, 5, 2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.cells(x)[0][:, -1])
        return found


class InPlace(nn.Module):
    """Results of layers that are changed in place, and a residual sum in place."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = self.one(x)
        h.tanh_()
        y = self.two(h)
        y += h
        return y



class WeightNorm(nn.Module):
    """In plain operations: the second derivative of PyTorch's own is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.size, self.rows = nn.Parameter(torch.rand(5, 1) + 0.5), nn.Parameter(torch.randn(5, 4))
        self.bias = nn.Parameter(torch.randn(5))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.rows * (self.size / self.rows.norm(dim=1, keepdim=True)), self.bias)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear after linear": (lambda: nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3)), (4,)),
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)), (4,)),
    "mlp over positions": (lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)), (2, 3, 4)),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.ReLU(inplace=True),
            nn.Conv2d(4, 4, 3, groups=2, dilation=2, padding="same", padding_mode="circular"),
            nn.Tanh(), nn.Conv2d(4, 3, 1), nn.MaxPool2d(2),
        ),
        (2, 9, 9),
    ),
    "convolution in one dimension": (
        lambda: nn.Sequential(nn.Conv1d(2, 4, 3, padding="same", dilation=2), nn.Tanh(), nn.Conv1d(4, 2, 2, stride=2)),
        (2, 9),
    ),
    "normalisations": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.Tanh(), nn.BatchNorm2d(4), nn.Flatten(),
            nn.Linear(36, 5), nn.LayerNorm(5), nn.Linear(5, 5), nn.RMSNorm(5), nn.Linear(5, 3),
        ),
        (2, 5, 5),
    ),
    "lstm": (lambda: Cells(nn.LSTM), (5, 4)),
    "gru": (lambda: Cells(nn.GRU), (5, 4)),
    "rnn": (lambda: Cells(nn.RNN), (5, 4)),
    "weight used transposed": (TiedTransposed, (4,)),
    "units in the second dimension": (TimeFirst, (5, 4)),
    "in place": (InPlace, (4,)),
}

BY_VMAP: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "prelu": (lambda: nn.Sequential(nn.Linear(4, 3), nn.PReLU(3), nn.Linear(3, 2)), (4,)),
    "transposed convolution": (lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 3), nn.Tanh()), (2, 4, 4)),
    "weight norm": (lambda: nn.Sequential(WeightNorm(), nn.Tanh(), nn.Linear(5, 2)), (4,)),
}


def made(build: Callable[[], nn.Module], shape: tuple[int, ...], n: int = 4) -> tuple[nn.Module, Tensor, Tensor]:
    model, x = build().double(), torch.randn(n, *shape).double()
    model(x)  # Statistics of batch norm that are not those of a new model.
    model.eval()
    with torch.no_grad():
        return model, x, torch.randn_like(model(x))


def brute(model: nn.Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> BruteForce:
    def one(unit: int) -> Tensor:
        return loss(model(x[unit : unit + 1]), y[unit : unit + 1]).sum()

    return BruteForce(list(model.parameters()), one, len(x))


@pytest.mark.parametrize("name", MODELS)
def test_rule(name: str) -> None:
    model, x, y = made(*MODELS[name])
    point = mt.point(model, each_square, (x, y))
    compare(point, brute(model, x, y, each_square), 1e-12)


@pytest.mark.parametrize("name", BY_VMAP)
def test_vmap_where_there_is_no_rule(name: str) -> None:
    model, x, y = made(*BY_VMAP[name])
    with pytest.warns(UserWarning, match="has no factored rule"):
        point = mt.point(model, each_square, (x, y))
    compare(point, brute(model, x, y, each_square), 1e-12)


def test_weight_norm_of_pytorch() -> None:
    """Its own second derivative is wrong; the point's is that of the plain form."""
    plain, x, y = made(*BY_VMAP["weight norm"])
    ours = plain[0]  # type: ignore[index]
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)).double()
    with torch.no_grad():
        layer.parametrizations.weight.original0.copy_(ours.size)
        layer.parametrizations.weight.original1.copy_(ours.rows)
        layer.bias.copy_(ours.bias)
    model = nn.Sequential(layer, *plain[1:])  # type: ignore[index]
    names = ["0.parametrizations.weight.original0", "0.parametrizations.weight.original1", "0.bias"]
    with pytest.warns(UserWarning, match="has no factored rule"):
        point = mt.point(model, each_square, (x, y))
        other = mt.point(plain, each_square, (x, y))
    v = np.random.default_rng(0).standard_normal(other.parameters)

    def moved(found: dict[str, Tensor]) -> Tensor:
        parts = [found[name] for name in [*names, "2.weight", "2.bias"]]
        return torch.cat([part.flatten() for part in parts])

    by_name = dict(zip([*names, "2.weight", "2.bias"], other.split(v).values(), strict=True))
    w = torch.cat([by_name[name].flatten() for name in point.names]).numpy()
    for matrix in ("hessian", "second-moment"):
        image = moved(point.split(point.product(matrix, w))).numpy()
        assert relative(image, other.product(matrix, v)) < 1e-12


def test_bare_parameters_and_a_tied_embedding() -> None:
    model = Transformer().double().eval()
    tokens = torch.tensor([[1, 3, 5, 1], [2, 2, 0, 3], [10, 9, 8, 7]])
    classes = torch.arange(3)
    loss = lambda z, y: F.cross_entropy(z, y, reduction="none")  # noqa: E731
    point = mt.point(model, "cross-entropy", (tokens, classes))
    compare(point, brute(model, tokens, classes, loss), 1e-12)


def test_groups_of_examples_as_units() -> None:
    model, x, y = made(*MODELS["mlp"], n=6)
    groups = [[0, 3], [1, 4], [5, 2]]
    point = mt.point(model, "mse", (x, y), units=groups)

    def one(unit: int) -> Tensor:
        return each_square(model(x[groups[unit]]), y[groups[unit]]).mean()

    assert (point.units, point.outputs) == (3, 6)
    compare(point, BruteForce(list(model.parameters()), one, 3), 1e-12)
    v = np.random.default_rng(0).standard_normal(point.parameters)
    a = point.factor_product(v)
    assert relative(point.factor_transposed(a) / 3, point.product("gauss-newton", v)) < 1e-12


def test_weight_decay() -> None:
    model, x, y = made(*MODELS["mlp"])
    point = mt.point(model, each_square, (x, y), weight_decay=0.3)
    plain = brute(model, x, y, each_square)
    v = np.random.default_rng(0).standard_normal(point.parameters)
    shifted = [plain.hessian(i, v) + 0.3 * v for i in range(4)]
    second = np.mean([plain.hessian(i, u) + 0.3 * u for i, u in enumerate(shifted)], axis=0)
    assert relative(point.product("hessian", v), np.mean(shifted, axis=0)) < 1e-12
    assert relative(point.product("second-moment", v), second) < 1e-12
    assert relative(point.product("variance", v), plain.variance(v)) < 1e-12
    theta = torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()
    bare = mt.point(model, each_square, (x, y)).gradient()
    assert relative(point.gradient(), bare + 0.3 * theta) < 1e-12


def test_chosen_parameters() -> None:
    model, x, y = made(*MODELS["mlp"])
    point = mt.point(model, each_square, (x, y), parameters=lambda name, _: name == "0.weight")
    plain = BruteForce([model.get_parameter("0.weight")], brute(model, x, y, each_square).losses, 4)
    assert point.names == ["0.weight"]
    compare(point, plain, 1e-12)
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


LOSSES = ["mse", "half-sum-of-squares", "cross-entropy", "binary-logistic", "function"]


@pytest.mark.parametrize("name", LOSSES)
def test_square_root_factors(name: str) -> None:
    """AᵀA/n = G, rows of A one by one = Gram matrix and blocks; at one layer H = G exactly."""
    outputs = 1 if name == "binary-logistic" else 3
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(8, outputs)).double()
    x = torch.randn(5, 1, 3, 3).double()
    y = torch.rand(5, 1).round().double() if outputs == 1 else torch.arange(5) % 3
    loss = (lambda z, y: F.cross_entropy(z, y, reduction="none")) if name == "function" else name
    point = mt.point(model, loss, (x, y))
    eye = np.eye(point.parameters)
    a = np.stack([point.factor_product(e) for e in eye], 1)
    g = np.stack([point.product("gauss-newton", e) for e in eye])
    assert relative(a.T @ a / 5, g) < 1e-12
    turned = np.stack([point.factor_transposed(e) for e in np.eye(5 * outputs)])
    assert relative(turned, a) < 1e-12
    assert relative(point.gram(), a @ a.T) < 1e-12
    rows = a.reshape(5, outputs, -1)
    assert relative(point.blocks(), rows @ rows.transpose(0, 2, 1)) < 1e-12

    last = mt.point(model, loss, (x, y), parameters=lambda name, _: name.startswith("3."))
    v = np.random.default_rng(0).standard_normal(last.parameters)
    assert relative(last.product("gauss-newton", v), last.product("hessian", v)) < 1e-12


def test_chunks_agree_with_one_pass() -> None:
    model, x, y = made(*MODELS["convolutions"], n=11)
    whole = mt.point(model, "mse", (x, y))
    a_unit = whole._chunks.bytes_per_unit  # type: ignore[union-attr]
    cut = mt.point(model, "mse", (x, y), memory=8 * 6 * whole.parameters + 7 * a_unit)
    assert cut._chunks is not None and cut._chunks.size == 3 and not cut._chunks.kept
    v = np.random.default_rng(0).standard_normal(whole.parameters)
    for matrix in ("hessian", "gauss-newton", "second-moment", "variance"):
        assert relative(cut.product(matrix, v), whole.product(matrix, v)) < 1e-12
    assert relative(cut.gram(), whole.gram()) < 1e-12
    assert relative(cut.blocks(), whole.blocks()) < 1e-12
    assert relative(cut.unit_losses(), whole.unit_losses()) < 1e-12


def test_the_point_follows_its_model() -> None:
    model, x, y = made(*MODELS["mlp"])
    point = mt.point(model, each_square, (x, y))
    v = np.random.default_rng(0).standard_normal(point.parameters)
    before = point.product("hessian", v)
    with torch.no_grad():
        model.get_parameter("0.weight").mul_(1.5)
    after = point.product("hessian", v)
    assert relative(before, after) > 1e-3
    assert relative(after, mt.point(model, each_square, (x, y)).product("hessian", v)) == 0.0


def test_single_units() -> None:
    model, x, y = made(*MODELS["mlp"])
    point = mt.point(model, each_square, (x, y))
    plain = brute(model, x, y, each_square)
    v = np.random.default_rng(0).standard_normal(point.parameters)
    two = point.at_units([3, 1])
    assert relative(two.product("hessian", v), (plain.hessian(3, v) + plain.hessian(1, v)) / 2) < 1e-12
    assert np.array_equal(two.unit_losses(), point.unit_losses()[[3, 1]])


def test_whole_batch_in_training_mode() -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 2)).double()
    x, y = torch.randn(6, 4).double(), torch.randn(6, 2).double()
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    point = mt.point(model, "mse", (x, y), coupled=True)
    v = np.random.default_rng(0).standard_normal(point.parameters)
    plain = BruteForce(list(model.parameters()), lambda _: each_square(model(x), y).mean(), 1)
    found = point.product("hessian", v)
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, kept[name])
    assert point.coupled and relative(found, plain.mean(v)) < 1e-12
    for matrix in ("second-moment", "variance", "gauss-newton"):
        with pytest.raises(mt.PointError, match="call model.eval"):
            point.product(matrix, v)


def test_curvlinops_agrees() -> None:
    curvlinops = needed("curvlinops")
    model, x, y = made(*MODELS["mlp"], n=7)
    point = mt.point(model, "mse", (x, y))
    parameters = list(model.parameters())
    theirs = curvlinops.HessianLinearOperator(model, nn.MSELoss(), parameters, [(x, y)])
    v = torch.randn(point.parameters).double()
    assert relative(point.product("hessian", v.numpy()), (theirs @ v).detach().numpy()) < 1e-12
    ggn = curvlinops.GGNLinearOperator(model, nn.MSELoss(), parameters, [(x, y)])
    assert relative(point.product("gauss-newton", v.numpy()), (ggn @ v).detach().numpy()) < 1e-12


def test_at_a_minimum_losses_are_differences_of_rounding() -> None:
    """Where losses and gradients vanish, what is compared must not: the fitted model passes all checks,
    and units behind the positions are still found."""
    model, x, _ = made(*MODELS["units in the second dimension"])
    with torch.no_grad():
        y = model(x) + 1e-9
    point = mt.point(model, each_square, (x, y))
    compare(point, brute(model, x, y, each_square), 1e-12)
    assert point.facts().loss < 1e-17
    exact = mt.point(model, each_square, (x, y - 1e-9))
    assert exact.facts().loss < 1e-30
