"""Ctrl-C: a real SIGINT in another process, while Rust or Python works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

# A product of seconds in Rust: nothing but the waiting thread can answer.
LONG_PRODUCT = """
draw = numpy.random.default_rng(0)
layers = [{"kind": "flatten"}] + [
    layer for _ in range(3)
    for layer in ({"kind": "linear", "outputs": 1500}, {"kind": "activation", "function": "tanh"})
] + [{"kind": "linear", "outputs": 10}]
architecture = {"input": {"channels": 1, "height": 28, "width": 28}, "layers": layers}
shapes = [(1500, 784), (1500,), (1500, 1500), (1500,), (1500, 1500), (1500,), (10, 1500), (10,)]
count = sum(int(numpy.prod(shape)) for shape in shapes)
point = ms.Network(
    architecture, "softmax-cross-entropy", draw.standard_normal((1500, 784)),
    draw.integers(0, 10, 1500), 0.02 * draw.standard_normal(count), threads=1, memory="2G",
)
say("working")
ms.measure(point, progress=False)
"""

# Many quick products in Rust.
MANY_PRODUCTS = """
draw = numpy.random.default_rng(0)
half = draw.standard_normal((40, 60, 60))
point = ms.DensePoint(half @ half.transpose(0, 2, 1))
say("working")
while True:
    ms.stability(point, batch_size=1)
"""

# The search for thresholds, which asks no point.
THEORY = """
draw = numpy.random.default_rng(0)
factors = ms.Factors.from_rows(draw.standard_normal((700, 2, 900)))
say("working")
while True:
    ms.thresholds(factors, batch_size=1)
"""

# Python code of a point.
PYTHON_PRODUCT = """
import time

def product(x):
    say("working")
    while True:
        time.sleep(0.01)

ms.measure(product, parameters=10)
"""

TRAINING = """
say("working")
ms.run("fashion-mnist-fnn", learning_rate=0.01, batch_size=10, out=sys.argv[1])
"""

PREFIX = """
import sys, time, numpy
import minimascope as ms

def say(text):
    print(text, flush=True)

try:
"""
SUFFIX = """
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(7)
"""


def interrupted_after(seconds: float, code: str, *arguments: str) -> tuple[float, str, int]:
    """How long after SIGINT the process was over, what it printed, and its exit code."""
    body = "".join(f"    {line}\n" for line in code.strip().splitlines())
    process = subprocess.Popen(
        [sys.executable, "-c", PREFIX + body + SUFFIX, *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "working\n"
        time.sleep(seconds)
        assert process.poll() is None, "the work was over before the signal"
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        return time.monotonic() - begun, said, process.returncode
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "code", [LONG_PRODUCT, MANY_PRODUCTS, THEORY, PYTHON_PRODUCT], ids=["long product", "many products", "theory", "python product"]
)
def test_ctrl_c_stops_within_a_second(code: str) -> None:
    took, said, exit_code = interrupted_after(1.0, code)
    assert (said, exit_code) == ("interrupted\n", 7)
    assert took < 1.0, f"{took:.2f} s"


def test_ctrl_c_saves_a_run(tmp_path: Path) -> None:
    took, said, exit_code = interrupted_after(2.0, TRAINING, str(tmp_path))
    assert (said, exit_code) == ("interrupted\n", 7)
    assert took < 1.0, f"{took:.2f} s"
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert (folder / "checkpoint.safetensors").is_file()
    assert not (folder / "outcome.json").exists()


def test_ctrl_c_of_the_command_saves_the_run_and_exits_with_130(tmp_path: Path) -> None:
    script = Path(sysconfig.get_path("scripts")) / "minimascope"
    process = subprocess.Popen(
        [script, "run", "fashion-mnist-fnn", "train.learning_rate=0.01", "train.batch_size=10", "--out", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        # The second line says where the run's folder is: it trains from now on.
        process.stderr.readline(), process.stderr.readline()
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, said
    assert "continue with: minimascope run fashion-mnist-fnn" in said
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert (folder / "checkpoint.safetensors").is_file()


def test_the_gil_is_free_while_rust_works() -> None:
    """Another thread of Python counts on while a long product runs."""
    import threading

    import numpy as np

    import minimascope as ms

    draw = np.random.default_rng(0)
    half = draw.standard_normal((40, 60, 60))
    point = ms.DensePoint(half @ half.transpose(0, 2, 1))
    ticks, over = 0, threading.Event()

    def count() -> None:
        nonlocal ticks
        while not over.wait(0.005):
            ticks += 1

    counter = threading.Thread(target=count)
    counter.start()
    begun = time.monotonic()
    while time.monotonic() - begun < 1.0:
        ms.stability(point, batch_size=1, quick=True, progress=False)
    over.set()
    counter.join()
    # 200 where nothing else runs; a held GIL gives none but between calls.
    assert ticks > 50, ticks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_point_of_another_process_is_refused() -> None:
    code = """
import os, numpy, minimascope as ms
point = ms.DensePoint(numpy.ones((2, 1, 1)))
child = os.fork()
if child == 0:
    try:
        point.gradient()
    except ms.InputError as error:
        os._exit(0 if "in another process" in str(error) else 1)
    os._exit(2)
_, status = os.waitpid(child, 0)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
