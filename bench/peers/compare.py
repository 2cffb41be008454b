"""Times every operation beside its peers, in turn, and writes the tables of docs/performance.md."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

import page

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
OURS = "minimascope"
PEERS = {
    "jax": "with_jax.py",
    "torch": "with_torch.py",
    "curvlinops": "with_curvlinops.py",
    "pyhessian": "with_pyhessian.py",
}
THREADS = 2
TURN = 0.25  # seconds that a turn takes at least, unless one run is longer
ROUNDS = 11
LEAST_ROUNDS = 5
ROW_SECONDS = 20  # after which a row is content with LEAST_ROUNDS

# Relative error of a value in f64 that no difference of rounding reaches and every wrong sign,
# factor or example passes: sums of 10⁶ terms round to 10⁻¹³, and 400 steps of SGD carry that on.
PRODUCT = 1e-9
TRAINING = 1e-6
# Two residuals of 10⁻³ leave each eigenvalue 10⁻³ from the true one.
EIGENVALUE = 2e-3


@dataclass(frozen=True)
class Row:
    network: str
    operation: str
    tolerance: float = PRODUCT

    @property
    def name(self) -> str:
        return f"{'fnn' if 'fnn' in self.network else 'vgg'}-{self.operation}"


def rows() -> list[Row]:
    products = ["product-cached", "product", "second-moment-cached", "second-moment"]
    found = []
    for network in ("fashion-mnist-fnn", "cifar10-vgg"):
        found.append(Row(network, "step"))
        found += [Row(network, operation) for operation in [*products, "variance-cached"]]
        if network == "fashion-mnist-fnn":
            found.append(Row(network, "largest", EIGENVALUE))
        found += [Row(network, f"sgd-{batch}", TRAINING) for batch in (1, 4, 10)]
    return found


class Driver:
    """A program that speaks the protocol of README.md. `missing` says why it does not."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.value_file = folder / ("ours.f64" if name == OURS else "peer.f64")
        self.log = folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        word, _, self.title = self.process.stdout.readline().strip().partition(" ")
        self.missing = None if word == "ready" else self.last_words()

    def last_words(self) -> str:
        lines = self.log.read_text().strip().splitlines()
        return lines[-1] if lines else "it ended without a word"

    def ask(self, request: str) -> str:
        """The answer without its first word."""
        print(request, file=self.process.stdin, flush=True)
        word, _, rest = self.process.stdout.readline().strip().partition(" ")
        if not word:
            raise RuntimeError(f"the driver ended: {self.last_words()}")
        if word == "error":
            raise RuntimeError(rest)
        return rest

    def value(self, operation: str, form: str, precision: str) -> np.ndarray:
        self.ask(f"value {operation} {form} {precision}")
        return np.fromfile(self.value_file)

    def seconds(self, operation: str, form: str, repeats: int) -> float:
        return float(self.ask(f"time {operation} {form} {repeats}"))

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def error(value: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def race(driver: Driver, row: Row, truth: np.ndarray) -> dict:
    """The forms of one driver: errors, the best of two times, and which is the fastest."""
    forms = {}
    for form in driver.ask(f"forms {row.operation}").split():
        entry = forms[form] = {}
        try:
            entry["error_f64"] = error(driver.value(row.operation, form, "f64"), truth)
            if not entry["error_f64"] <= row.tolerance:
                entry["refused"] = f"its value is off by {entry['error_f64']:.1e}"
                continue
            entry["error_f32"] = error(driver.value(row.operation, form, "f32"), truth)
            entry["seconds"] = min(driver.seconds(row.operation, form, 1) for _ in range(2))
        except RuntimeError as failure:
            entry["refused"] = str(failure)
    valid = {form: entry["seconds"] for form, entry in forms.items() if "seconds" in entry}
    return {"title": driver.title, "forms": forms, "form": min(valid, key=valid.get, default=None)}


def turns(row: Row, taking_part: dict[Driver, str]) -> dict[Driver, list[float]]:
    """Seconds of one run in each round, every driver in turn."""
    repeats = {}
    for driver, form in taking_part.items():
        once = min(driver.seconds(row.operation, form, 1) for _ in range(3))
        repeats[driver] = max(1, round(TURN / once))
    seconds: dict[Driver, list[float]] = {driver: [] for driver in taking_part}
    start = time.monotonic()
    for done in range(ROUNDS):
        if done >= LEAST_ROUNDS and time.monotonic() - start > ROW_SECONDS:
            break
        for driver, form in taking_part.items():
            total = driver.seconds(row.operation, form, repeats[driver])
            seconds[driver].append(total / repeats[driver])
    return seconds


def measure(row: Row, drivers: dict[str, Driver]) -> dict:
    ours = drivers[OURS]
    truth = ours.value(row.operation, "library", "f64")
    results, taking_part = {}, {}
    for name, driver in drivers.items():
        if driver.missing:
            results[name] = {"missing": driver.missing}
            continue
        results[name] = race(driver, row, truth)
        if not results[name]["forms"]:
            del results[name]
        elif results[name]["form"]:
            taking_part[driver] = results[name]["form"]
    times = turns(row, taking_part)
    for name, driver in drivers.items():
        if driver in times:
            results[name]["seconds"] = times[driver]
            median = statistics.median(times[driver])
            print(f"  {name:12} {median * 1e3:9.2f} ms  {taking_part[driver]}", file=sys.stderr)
    return {
        "date": date.today().isoformat(),
        "machine": machine(),
        "peak": float(ours.ask("peak")),
        "work": float(ours.ask(f"work {row.operation}")),
        "drivers": results,
    }


def machine() -> str:
    model, flags = platform.processor() or platform.machine(), ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        facts = dict(
            (part.strip() for part in line.split(":", 1))
            for line in cpuinfo.read_text().splitlines()
            if ":" in line
        )
        model, flags = facts.get("model name", model), facts.get("flags", "")
    width = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    return f"{model} ({width}), {os.cpu_count()} processors, {platform.system()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", required=True, help="our driver")
    parser.add_argument("--folder", required=True, type=Path, help="of problems and results")
    parser.add_argument("--peers", default="", help="these only, of: " + " ".join(PEERS))
    parser.add_argument("--rows", default="", help="those whose names begin with one of these")
    arguments = parser.parse_args()
    peers = arguments.peers.split() or list(PEERS)
    if unknown := set(peers) - set(PEERS):
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(PEERS)}")
    chosen = [r for r in rows() if r.name.startswith(tuple(arguments.rows.split() or [""]))]
    if not chosen:
        parser.error("no row begins so; there are " + " ".join(row.name for row in rows()))
    if hasattr(os, "sched_setaffinity"):  # for all that is started from here
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    os.environ |= {"OMP_NUM_THREADS": str(THREADS), "MKL_NUM_THREADS": str(THREADS)}
    store = arguments.folder / "results.json"
    results = json.loads(store.read_text()) if store.exists() else {}
    for network in dict.fromkeys(row.network for row in chosen):
        folder = arguments.folder / network
        folder.mkdir(parents=True, exist_ok=True)
        command = [arguments.ours, str(folder), network, str(THREADS)]
        drivers = {OURS: Driver(OURS, command, folder)}
        if drivers[OURS].missing:
            sys.exit(f"our driver does not start: {drivers[OURS].missing}")
        for peer in peers:
            command = [sys.executable, str(HERE / PEERS[peer]), str(folder), network]
            drivers[peer] = Driver(peer, command, folder)
        for row in (row for row in chosen if row.network == network):
            print(row.name, file=sys.stderr)
            results[row.name] = measure(row, drivers)
            partial = store.with_suffix(".tmp")
            partial.write_text(json.dumps(results, indent=1))
            partial.replace(store)
        for driver in drivers.values():
            driver.close()
    page.write(ROOT / "docs" / "performance.md", results, [row.name for row in rows()])


if __name__ == "__main__":
    main()
