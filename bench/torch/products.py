"""Time and memory of mean_i H_i(H_i v) in PyTorch: ours, the best chunked vmap, the loop over examples.

    python bench/torch/products.py                 all rows on the CPU, two threads, f32
    python bench/torch/products.py --device cuda   the same rows and GPT-2 (124 M) at 256 tokens on a GPU

Ways take turns within each row, so that what else the machine does meets all of them; a cell is the
median of the turns. The best form and chunk of
vmap are found in a race before, against the loop's value. Peak memory is that of a process of its own, less what it held before the
product. The compiled engine takes part where the package has it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vjp, vmap

import minimascope.torch as mt
from minimascope.torch.structure import saved_bytes

Values = dict[str, Tensor]
Each = Callable[[Any, Tensor], Tensor]
TURNS = 3


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        q, k, v = self.qkv(self.one(x)).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(n, t, d))
        return x + self.down(F.gelu(self.up(self.two(x))))


class Transformer(nn.Module):
    def __init__(self, blocks: int, width: int, tokens: int, vocabulary: int = 64) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.randn(1, tokens, width) / 10)
        self.blocks = nn.Sequential(*(Block(width, 4) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        found: Tensor = self.head(self.norm(self.blocks(self.table(tokens) + self.places)))
        return found


def each_square(z: Tensor, y: Tensor) -> Tensor:
    return ((z - y) ** 2).mean(1)


def each_sequence(z: Any, y: Tensor) -> Tensor:
    z = getattr(z, "logits", z)
    return F.cross_entropy(z.transpose(1, 2), y, reduction="none").mean(1)


def fnn() -> tuple[nn.Module, Any, Tensor, Each]:
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 500), nn.ReLU(),
        nn.Linear(500, 500), nn.ReLU(), nn.Linear(500, 10),
    )
    return model, torch.rand(1000, 1, 28, 28), F.one_hot(torch.arange(1000) % 10, 10).float(), each_square


def vgg() -> tuple[nn.Module, Any, Tensor, Each]:
    layers: list[nn.Module] = []
    before = 3
    for channels in (16, 16, 32, 64, 64):
        layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        before = channels
    layers += [nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2)]
    y = F.one_hot(torch.arange(1000) % 2, 2).float()
    return nn.Sequential(*layers), torch.rand(1000, 3, 32, 32), y, each_square


def transformer(blocks: int, width: int, n: int) -> Callable[[], tuple[nn.Module, Any, Tensor, Each]]:
    def build() -> tuple[nn.Module, Any, Tensor, Each]:
        tokens = torch.randint(0, 64, (n, 65))
        return Transformer(blocks, width, 64), tokens[:, :-1], tokens[:, 1:], each_sequence

    return build


def gpt2() -> tuple[nn.Module, Any, Tensor, Each]:
    import transformers

    settings = transformers.GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False)
    settings._attn_implementation = "eager"
    tokens = torch.randint(0, settings.vocab_size, (16, 257))
    model = transformers.GPT2LMHeadModel(settings).eval()
    return model, tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous(), each_sequence


ROWS: dict[str, Callable[[], tuple[nn.Module, Any, Tensor, Each]]] = {
    "FNN 784-500-500-500-10, n = 1,000": fnn,
    "VGG, n = 1,000": vgg,
    "transformer, 0.2 M parameters, 64 tokens, n = 200": transformer(4, 64, 200),
    "transformer, 1.4 M parameters, 64 tokens, n = 100": transformer(3, 192, 100),
}
GPU_ROWS = {**ROWS, "GPT-2, 124 M parameters, 256 tokens, n = 16": gpt2}


class Ways:
    """The product in each way, for one row."""

    def __init__(self, row: str, device: str) -> None:
        torch.manual_seed(0)
        model, x, y, loss = GPU_ROWS[row]()
        self.model, self.x, self.y, self.each = model.to(device), x.to(device), y.to(device), loss
        self.parameters = {name: p.detach() for name, p in self.model.named_parameters()}
        names = list(self.parameters)
        flat = torch.randn(sum(p.numel() for p in self.parameters.values()))
        self.v = flat.double().numpy()
        parts = flat.to(device).split([p.numel() for p in self.parameters.values()])
        self.direction = {
            name: part.view_as(self.parameters[name]) for name, part in zip(names, parts, strict=True)
        }

    def synchronise(self) -> None:
        if self.x.is_cuda:
            torch.cuda.synchronize()

    def ours(self) -> Callable[[], np.ndarray]:
        point = mt.point(self.model, self.each, (self.x, self.y))
        return lambda: point.product("second-moment", self.v)

    def hessian(self) -> Callable[[], np.ndarray]:
        """Hv by double backward, for scale."""
        parameters = [p for p in self.model.parameters()]
        direction = list(self.direction.values())

        def run() -> np.ndarray:
            with torch.nn.attention.sdpa_kernel([torch.nn.attention.SDPBackend.MATH]):
                loss = self.each(self.model(self.x), self.y).mean()
            gradient = torch.autograd.grad(loss, parameters, create_graph=True)
            found = torch.autograd.grad(gradient, parameters, direction)
            return torch.cat([g.flatten() for g in found]).double().cpu().numpy()

        return run

    def _one(self, p: Values, x: Tensor, y: Tensor) -> Tensor:
        return self.each(functional_call(self.model, p, (x[None],)), y[None])[0]

    def _product(self, p: Values, v: Values, x: Tensor, y: Tensor) -> Values:
        found: Values = vjp(lambda q: grad(self._one)(q, x, y), p)[1](v)[0]
        return found

    def _twice(self, x: Tensor, y: Tensor) -> Values:
        """vmap(H_i(H_i v))."""
        p, v = self.parameters, self.direction
        each = vmap(lambda x, y: self._product(p, self._product(p, v, x, y), x, y))
        return {name: value.sum(0) for name, value in each(x, y).items()}

    def _mixed(self, x: Tensor, y: Tensor) -> Values:
        """u_i by vmap, then one gradient of Σ ⟨∇ℓ_i, u_i⟩."""
        p, v = self.parameters, self.direction
        own = vmap(lambda x, y: self._product(p, v, x, y))(x, y)

        def slope(q: Values) -> Tensor:
            gradients = vmap(lambda x, y: grad(self._one)(q, x, y))(x, y)
            return torch.stack([(gradients[name] * own[name]).sum() for name in own]).sum()

        found: Values = grad(slope)(p)
        return found

    def vmapped(self, form: str, chunk: int, examples: int) -> Callable[[], np.ndarray]:
        """The mean over the first examples, chunk at a time."""
        function = {"twice": self._twice, "mixed": self._mixed}[form]

        def run() -> np.ndarray:
            total: Values = {}
            with torch.nn.attention.sdpa_kernel([torch.nn.attention.SDPBackend.MATH]):
                parts = zip(self.x[:examples].split(chunk), self.y[:examples].split(chunk), strict=True)
                for x, y in parts:
                    for name, value in function(x, y).items():
                        total[name] = total[name] + value if name in total else value
            flat = torch.cat([total[name].flatten() for name in self.parameters])
            return (flat / examples).double().cpu().numpy()

        return run

    def loop(self, examples: int) -> Callable[[], np.ndarray]:
        """Double backward, one example after the other, on so many."""
        parameters = [p for p in self.model.parameters()]

        def product(i: int, v: list[Tensor]) -> list[Tensor]:
            with torch.nn.attention.sdpa_kernel([torch.nn.attention.SDPBackend.MATH]):
                loss = self.each(self.model(self.x[i : i + 1]), self.y[i : i + 1]).sum()
            gradient = torch.autograd.grad(loss, parameters, create_graph=True)
            return list(torch.autograd.grad(gradient, parameters, v))

        def run() -> np.ndarray:
            total: list[Tensor] | None = None
            for i in range(examples):
                found = product(i, product(i, list(self.direction.values())))
                total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
            assert total is not None
            return torch.cat([t.flatten() for t in total]).double().cpu().numpy() / examples

        return run

    def native(self) -> Callable[[], np.ndarray] | None:
        """Our engine in Rust, where the package has it and knows the layers."""
        try:
            point = mt.point(self.model, "mse", (self.x, self.y), engine="native")
        except (mt.PointError, AttributeError):
            return None
        return lambda: np.asarray(point.product("second-moment", self.v))

    def activations(self) -> int:
        """Bytes that the forward pass keeps for one backward pass, without parameters."""
        held = saved_bytes(lambda: self.each(self.model(self.x), self.y).sum())
        return held - sum(p.numel() * p.element_size() for p in self.parameters.values())


def seconds(run: Callable[[], object], ways: Ways, clock: Callable[[], float]) -> float:
    ways.synchronise()
    start = clock()
    run()
    ways.synchronise()
    return clock() - start


CHUNKS = (4, 16, 64)
# vmap and the loop are linear in the number of examples: they are timed on so many and scaled.
VMAPPED, LOOPED = 128, 10


def best_vmap(ways: Ways, clock: Callable[[], float]) -> tuple[str, int] | None:
    """The fastest form and chunk of those whose value is right, each run twice."""
    found: list[tuple[float, str, int]] = []
    few = min(max(CHUNKS), len(ways.x))
    expected = ways.loop(few)()
    for form in ("twice", "mixed"):
        for chunk in CHUNKS:
            run = ways.vmapped(form, chunk, few)
            try:
                value = run()
                taken = seconds(run, ways, clock)
            except (RuntimeError, torch.OutOfMemoryError) as error:
                print(f"  vmap {form} {chunk}: {str(error).splitlines()[0]}", file=sys.stderr)
                continue
            off = np.linalg.norm(value - expected) / np.linalg.norm(expected)
            print(f"  vmap {form} {chunk}: {taken:.3f} s, off by {off:.1e}", file=sys.stderr, flush=True)
            if off < 1e-3:
                found.append((taken, form, chunk))
    if not found:
        return None
    _, form, chunk = min(found)
    return form, chunk


def peak(row: str, device: str, way: list[str]) -> float:
    """Megabytes of a product in a process of its own."""
    command = [sys.executable, __file__, "--device", device, "--peak", row, *way]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(answer.stdout.split()[-1])


def measure_peak(row: str, device: str, way: list[str]) -> float:
    ways = Ways(row, device)
    run = ways.ours() if way == ["ours"] else ways.vmapped(way[0], int(way[1]), len(ways.x))
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        run()
        return (torch.cuda.max_memory_allocated() - held) / 1e6
    # Linux forgets the peak so far when asked.
    Path("/proc/self/clear_refs").write_text("5")
    held = resident("VmRSS")
    run()
    return (resident("VmHWM") - held) / 1e3


def resident(key: str) -> float:
    """Kilobytes of a line of this process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(key)).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", default="")
    parser.add_argument(
        "--clock", choices=("wall", "processor"), default="wall",
        help="processor time is the choice on a machine that does other work, with one thread",
    )
    parser.add_argument("--peak", nargs="+")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.peak:
        print(measure_peak(given.peak[0], given.device, given.peak[1:]))
        return
    clock = time.perf_counter if given.clock == "wall" else time.process_time
    load = os.getloadavg()[0]
    print(
        f"PyTorch {torch.__version__}, {given.device}, {given.threads} threads, {given.clock} time, load "
        f"{load:.1f} at the start\n"
    )
    print("| model | Hv, double backward, ms | ours, ms | Hv | best vmap, ms | ratio | loop, ms | ratio | native, ms | ratio of vmap | activations, MB | peak, ours, MB | peak, vmap, MB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for row in GPU_ROWS if given.device == "cuda" else ROWS:
        if given.rows and not any(row.startswith(part) for part in given.rows.split(",")):
            continue
        ways = Ways(row, given.device)
        ours = ways.ours()
        n = len(ways.x)
        few, looped = min(VMAPPED, n), min(LOOPED, n)
        check = mt.point(ways.model, ways.each, (ways.x[:looped], ways.y[:looped]))
        expected = ways.loop(looped)()
        off = np.linalg.norm(check.product("second-moment", ways.v) - expected) / np.linalg.norm(expected)
        assert off < 1e-3, off
        ours()
        best = best_vmap(ways, clock)
        runs: dict[str, Callable[[], object]] = {
            "hessian": ways.hessian(), "ours": ours, "loop": ways.loop(looped)
        }
        if best is not None:
            runs["vmap"] = ways.vmapped(*best, few)
        native = ways.native()
        if native is not None:
            runs["native"] = native
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(TURNS):
            for name, run in runs.items():
                taken[name].append(seconds(run, ways, clock))
        median = {name: statistics.median(values) * 1e3 for name, values in taken.items()}
        median["loop"] *= n / looped
        vmapped, ratio, their_peak = "none works", "–", "–"
        if best is not None:
            form, chunk = best
            median["vmap"] *= n / few
            vmapped = f"{median['vmap']:.0f} ({form}, {chunk})"
            ratio = f"{median['vmap'] / median['ours']:.1f}×"
            their_peak = f"{peak(row, given.device, [form, str(chunk)]):.0f}"
        rust = ["–", "–"]
        if native is not None:
            times = f"{median['vmap'] / median['native']:.0f}×" if best is not None else "–"
            rust = [f"{median['native']:.0f}", times]
        cells = [
            row, f"{median['hessian']:.0f}", f"{median['ours']:.0f}", f"{median['ours'] / median['hessian']:.1f}×",
            vmapped, ratio, f"{median['loop']:.0f}", f"{median['loop'] / median['ours']:.0f}×", *rust,
            f"{ways.activations() / 1e6:.0f}", f"{peak(row, given.device, ['ours']):.0f}", their_peak,
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
