"""What the Python drivers share: the problem that our side wrote, and the protocol of README.md."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

THREADS = 2
LEARNING_RATE = 0.01
RESIDUAL = 1e-3  # relative, of λ_max

# Weight shapes in PyTorch's order; each is followed by a bias of its first side.
WEIGHTS = {
    "fashion-mnist-fnn": [(500, 784), (500, 500), (500, 500), (10, 500)],
    "cifar10-vgg": [
        *[(16, 3, 3, 3), (16, 16, 3, 3), (32, 16, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3)],
        *[(128, 64), (2, 128)],
    ],
}


@dataclass(frozen=True)
class Run:
    """A prepared operation. `run` does it once and waits for the end; `value` is what the last
    run gave as one vector in PyTorch's order: a product, an eigenvalue, or how far training moved.
    """

    run: Callable[[], None]
    value: Callable[[], np.ndarray]


@dataclass
class Problem:
    """The arrays of one network, in either precision."""

    folder: Path
    network: str
    shapes: list[tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.shapes = [s for weight in WEIGHTS[self.network] for s in (weight, weight[:1])]

    def _split(self, file: str, dtype: str) -> list[np.ndarray]:
        flat = np.fromfile(self.folder / file).astype(dtype)
        ends = np.cumsum([np.prod(shape) for shape in self.shapes])
        parts = np.split(flat, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def theta(self, dtype: str) -> list[np.ndarray]:
        return self._split("theta.f64", dtype)

    def direction(self, dtype: str) -> list[np.ndarray]:
        return self._split("direction.f64", dtype)

    def images(self, dtype: str) -> np.ndarray:
        """n × 784, or n × 3 × 32 × 32."""
        flat = np.fromfile(self.folder / "images.f32", np.float32).astype(dtype)
        return flat.reshape(-1, 784) if "fnn" in self.network else flat.reshape(-1, 3, 32, 32)

    def targets(self, dtype: str) -> np.ndarray:
        """One-hot."""
        labels = np.fromfile(self.folder / "labels.u32", np.uint32)
        return np.eye(self.shapes[-1][0], dtype=dtype)[labels]

    def batches(self, size: int) -> np.ndarray:
        """Steps × size indices."""
        return np.fromfile(self.folder / f"batches-{size}.u32", np.uint32).astype(np.int64).reshape(-1, size)

    def moved(self, now: Sequence[np.ndarray]) -> np.ndarray:
        return flat(now) - flat(self.theta("float64"))


def flat(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.asarray(part, np.float64).ravel() for part in parts])


Prepare = Callable[[str], Run]  # of "float32" or "float64"
Forms = dict[str, dict[str, Prepare]]  # operation → name of a form → how to prepare it


def serve(title: str, forms: Forms, folder: Path) -> None:
    """Answers requests until standard input ends. Only the last prepared run is kept."""
    # What libraries print must not mix with answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    print(f"ready {title}", file=answers, flush=True)
    kept: tuple[tuple[str, str], Run] | None = None
    for line in sys.stdin:
        try:
            match line.split():
                case ["forms", operation]:
                    answer = " ".join(["forms", *forms.get(operation, {})])
                case ["value", operation, form, precision]:
                    kept = None
                    dtype = {"f32": "float32", "f64": "float64"}[precision]
                    run = forms[operation][form](dtype)
                    run.run()
                    run.value().tofile(folder / "peer.f64")
                    if precision == "f32":
                        kept = ((operation, form), run)
                    answer = "done"
                case ["time", operation, form, repeats]:
                    if kept is None or kept[0] != (operation, form):
                        kept = None
                        kept = ((operation, form), forms[operation][form]("float32"))
                    run, count = kept[1].run, int(repeats)
                    start = time.perf_counter()
                    for _ in range(count):
                        run()
                    answer = f"seconds {time.perf_counter() - start:e}"
                case _:
                    answer = f"error unknown request: {line.strip()}"
        except Exception as error:  # A form that fails is a fact for the page, not the end.
            text = str(error).strip().splitlines()
            answer = f"error {type(error).__name__}: {text[0] if text else ''}"
        print(answer, file=answers, flush=True)


def problem_of_arguments() -> Problem:
    """Arguments of every driver: FOLDER NETWORK."""
    _, folder, network = sys.argv
    return Problem(Path(folder), network)
