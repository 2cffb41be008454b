"""Who stays and who leaves: a CNN trained in PyTorch, its critical learning rates, and launches of SGD in
PyTorch on both sides of the bracket.

    python bench/torch/boundary.py

The network is trained by SGD with B = 10 on images of two classes of CIFAR-10, from the files that the
repository embeds. For three batch sizes `minimascope.stability` gives the exact threshold η* with its
bracket; SGD then starts from the minimum below the bracket's lower end and above its upper end, with
independent batches as the theory has them and with the reshuffled epochs of a DataLoader.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import minimascope as ms
import minimascope.torch as mt

IMAGES = Path(__file__).parents[2] / "crates/data/embedded/cifar10-airplane-automobile/train_batch.bin.gz"
BATCH_SIZES = (2, 10, 20)
RATE = 0.03
# A launch starts this far from an end of the bracket.
BEYOND = 1.25
# A launch has left when a loss of all images is above this; the minimum's is below 1e-9.
LEFT = 1e-6


def images(n: int) -> tuple[Tensor, Tensor]:
    """The first n images, 3 × 32 × 32 in [0, 1], and one unit vector a class."""
    records = np.frombuffer(gzip.decompress(IMAGES.read_bytes()), np.uint8).reshape(-1, 3073)[:n]
    pixels = torch.from_numpy(records[:, 1:].reshape(n, 3, 32, 32) / np.float32(255))
    return pixels, F.one_hot(torch.from_numpy(records[:, 0].astype(np.int64)), 2).float()


def network(x: Tensor) -> nn.Sequential:
    """A CNN with batch normalisation, whose statistics are those of the images and frozen."""

    def block(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, stride=2, bias=False), nn.BatchNorm2d(after), nn.ReLU()]

    model = nn.Sequential(
        *block(3, 8), *block(8, 16), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(144, 24), nn.ReLU(), nn.Linear(24, 2),
    )
    with torch.no_grad():
        for _ in range(50):
            model(x)
    return model.eval()


def loss_of(model: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float(F.mse_loss(model(x), y))


def descend(
    model: nn.Module, x: Tensor, y: Tensor, learning_rate: float, batch_size: int, steps: int, seed: int,
    reshuffled: bool, until: float | None = None,
) -> tuple[int, float]:
    """SGD. Ends below the loss `until`, seen every 10 steps; gives steps and the largest loss seen."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), learning_rate)
    largest = 0.0
    epoch = torch.empty(0, dtype=torch.long)
    for step in range(1, steps + 1):
        if reshuffled:
            if len(epoch) < batch_size:
                epoch = torch.randperm(len(x), generator=generator)
            rows, epoch = epoch[:batch_size], epoch[batch_size:]
        else:
            rows = torch.randperm(len(x), generator=generator)[:batch_size]
        optimizer.zero_grad()
        F.mse_loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
        if step % 10 == 0:
            loss = loss_of(model, x, y)
            # A launch that leaves may settle in a flatter minimum: what counts is that it left.
            largest = max(largest, loss) if loss == loss else math.inf
            if until is not None and loss < until:
                return step, loss
            if largest == math.inf:
                return step, largest
    return steps, largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--steps", type=int, default=20_000, help="of a launch")
    parser.add_argument("--seeds", type=int, default=3, help="launches of each kind")
    parser.add_argument("--quick", action="store_true", help="no certificates: a wider bracket")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = images(given.images)
    model = network(x)
    steps, loss = descend(model, x, y, RATE, 10, 400_000, 0, True, until=1e-9)
    print(f"trained: SGD, η = {RATE}, B = 10, {steps:,} steps, loss {loss:.1e}")
    point = mt.point(copy.deepcopy(model).double(), "mse", (x.double(), y.double()))
    print(point)
    print(ms.measure(point, top=3))
    print("\n| B | bracket of η* | η | verdict | batches | left, of launches | largest losses |")
    print("|---|---|---|---|---|---|---|")
    for batch_size in BATCH_SIZES:
        answer = ms.stability(point, batch_size=batch_size, quick=given.quick)
        bracket = answer.bracket
        assert bracket is not None, "no bracket: the note says why: " + " ".join(answer.notes)
        for learning_rate in (bracket.lower / BEYOND, bracket.upper * BEYOND):
            verdict = answer.ask(learning_rate=learning_rate, batch_size=batch_size).verdict
            for reshuffled in (False, True):
                ends: list[float] = []
                for seed in range(given.seeds):
                    launch = copy.deepcopy(model)
                    _, loss = descend(
                        launch, x, y, learning_rate, batch_size, given.steps, seed, reshuffled
                    )
                    ends.append(loss)
                left = sum(not end < LEFT for end in ends)
                print(
                    f"| {batch_size} | {bracket.lower:.4g} to {bracket.upper:.4g} | {learning_rate:.4g} | "
                    f"{verdict} | {'reshuffled epochs' if reshuffled else 'independent'} | {left} of {given.seeds} | "
                    f"{', '.join(f'{end:.0e}' for end in ends)} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
