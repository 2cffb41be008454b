"""Models as people have them: H, mean H_i(H_i v) and Σ against brute force on a few examples, f64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import minimascope.torch as mt
import torch
import torch.nn.functional as F
from packages import needed
from torch import Tensor, nn

from brute_force import BruteForce, compare


def check(
    model: nn.Module,
    loss: Callable[[Any, Any], Tensor],
    inputs: Any,
    targets: Tensor,
    call: Callable[[Any], Any] | None = None,
    **options: Any,
) -> mt.Point:
    point = mt.point(model, loss, (inputs, targets), **options)
    chosen = dict(model.named_parameters())
    parameters = [chosen[name] for name in point.names]

    def one(unit: int) -> Tensor:
        if isinstance(inputs, dict):
            out = model(**{key: value[unit : unit + 1] for key, value in inputs.items()})
        else:
            out = model(inputs[unit : unit + 1])
        return loss(out, targets[unit : unit + 1]).sum()

    compare(point, BruteForce(parameters, one, len(targets)))
    return point


def each_cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets, reduction="none")


def each_square(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs - targets) ** 2).mean(1)


def test_fully_connected_network() -> None:
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU(),
        nn.Linear(500, 500), nn.ReLU(), nn.Linear(500, 10),
    ).double()
    targets = F.one_hot(torch.arange(4), 10).double()
    check(model, each_square, torch.rand(4, 1, 28, 28).double(), targets)


def test_vgg() -> None:
    layers: list[nn.Module] = []
    before = 3
    for channels in (16, 16, 32, 64, 64):
        layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        before = channels
    layers += [nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2)]
    model = nn.Sequential(*layers).double()
    targets = F.one_hot(torch.arange(4) % 2, 2).double()
    check(model, each_square, torch.rand(4, 3, 32, 32).double(), targets)


def test_resnet18_with_frozen_batch_norm() -> None:
    torchvision = needed("torchvision")
    model = torchvision.models.resnet18(num_classes=2)
    model(torch.randn(16, 3, 32, 32))  # Statistics that are not those of a new model.
    model = model.double().eval()
    point = check(model, each_cross_entropy, torch.randn(3, 3, 32, 32).double(), torch.arange(3) % 2)
    assert point.outputs == 2


def test_vision_transformer() -> None:
    timm = needed("timm")
    model = timm.create_model("vit_tiny_patch16_224", num_classes=3, depth=2, img_size=32)
    # A new model's class token and positions are near zero.
    nn.init.normal_(model.cls_token, std=0.5)
    nn.init.normal_(model.pos_embed, std=0.5)
    check(model.double().eval(), each_cross_entropy, torch.randn(3, 3, 32, 32).double(), torch.arange(3))


def gpt2() -> Any:
    transformers = needed("transformers")
    settings = transformers.GPT2Config(
        vocab_size=61, n_positions=16, n_embd=32, n_layer=2, n_head=2,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )
    return transformers.GPT2LMHeadModel(settings).double().eval()


def each_sequence(outputs: Any, targets: Tensor) -> Tensor:
    """Mean over the positions of each sequence."""
    shifted = outputs.logits[:, :-1].transpose(1, 2)
    return F.cross_entropy(shifted, targets[:, 1:], reduction="none").mean(1)


def test_language_model_with_tied_embeddings() -> None:
    model = gpt2()
    assert model.lm_head.weight is model.transformer.wte.weight
    tokens = torch.randint(0, 61, (3, 12))
    inputs = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    point = check(model, each_sequence, inputs, tokens)
    assert point.outputs == 12 * 61


def test_lstm() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = nn.LSTM(5, 6, 2, batch_first=True, bidirectional=True)
            self.head = nn.Linear(12, 2)

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.head(self.cells(x)[0][:, -1])
            return found

    check(Reader().double(), each_cross_entropy, torch.randn(4, 7, 5).double(), torch.arange(4) % 2)
