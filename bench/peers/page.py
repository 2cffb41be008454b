"""The generated part of docs/performance.md."""

import statistics
from pathlib import Path

OURS = "minimascope"
BEGIN, END = "<!-- bench-peers: begin -->", "<!-- bench-peers: end -->"
TITLES = {
    "step": "full-batch step",
    "product-cached": "Hv, cached",
    "product": "Hv, nothing kept",
    "second-moment-cached": "mean H_i(H_i v), cached",
    "second-moment": "mean H_i(H_i v), nothing kept",
    "variance-cached": "Σv, cached",
    "largest": "λ_max(H) from a new point",
    "sgd-1": "400 steps of SGD, B = 1",
    "sgd-4": "400 steps of SGD, B = 4",
    "sgd-10": "400 steps of SGD, B = 10",
}
STEPS = 400
# The ratios that the project set itself as a goal, by row and peer ("best": the faster of two).
AIMS = {
    "fnn-step": {"jax": 1.0, "torch": 2.0},
    "fnn-product-cached": {"jax": 1.0, "torch": 2.2},
    "fnn-second-moment-cached": {"jax": 8, "torch": 70},
    "fnn-variance-cached": {"jax": 7, "torch": 55},
    "fnn-largest": {"torch": 9, "curvlinops": 9, "pyhessian": 9},
    "fnn-sgd-1": {"jax": 4},
    "fnn-sgd-4": {"jax": 1.6},
    "fnn-sgd-10": {"jax": 1.2},
    "vgg-step": {"torch": 3},
    "vgg-product": {"torch": 3},
    "vgg-second-moment-cached": {"torch": 4},
    "vgg-sgd-1": {"best": 2},
    "vgg-sgd-4": {"best": 2},
    "vgg-sgd-10": {"best": 2},
}


def milliseconds(seconds: float) -> str:
    """Three digits, or all before the point."""
    ms = seconds * 1e3
    return f"{ms:.0f}" if ms >= 100 else f"{ms:.3g}"


def spread(seconds: list[float]) -> str:
    """Median and quartiles."""
    low, median, high = map(milliseconds, statistics.quantiles(seconds, n=4))
    return f"{median} ({low}–{high})"


def title(row: str) -> str:
    network, _, operation = row.partition("-")
    return f"{network.upper()} {TITLES[operation]}"


def ratios(result: dict) -> dict[str, float]:
    """Of medians, for every peer that was timed."""
    median = {
        name: statistics.median(driver["seconds"])
        for name, driver in result["drivers"].items()
        if "seconds" in driver
    }
    return {name: value / median[OURS] for name, value in median.items() if name != OURS}


def least(driver: dict) -> float:
    """The shortest time of the form that took part, in race or turns."""
    return min(driver["seconds"] + [driver["forms"][driver["form"]]["seconds"]])


def both_ratios(result: dict, peer: str) -> str:
    """Of medians, and in brackets of least times."""
    drivers = result["drivers"]
    shortest = least(drivers[peer]) / least(drivers[OURS])
    return f"{ratios(result)[peer]:.2f} ({shortest:.2f})"


def verdict(row: str, found: dict[str, float]) -> str:
    """The aim of a row and whether it is met."""
    parts = []
    for peer, aim in AIMS.get(row, {}).items():
        if peer == "best":
            reached = min((found[p] for p in ("jax", "torch") if p in found), default=None)
        else:
            reached = found.get(peer)
        if reached is not None:
            state = "met" if reached >= aim else f"**missed ({reached:.2f})**"
            parts.append(f"{aim:g}× {peer}: {state}")
    return "; ".join(parts)


def times_table(results: dict, names: list[str]) -> list[str]:
    lines = [
        "| operation | minimascope, ms | of peak | JAX, ms | ratio | PyTorch, ms | ratio | aim |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in names:
        result = results[row]
        drivers, found = result["drivers"], ratios(result)
        ours = drivers[OURS]["seconds"]
        rate = result["work"] / statistics.median(ours) / result["peak"]
        cells = [title(row), spread(ours), f"{rate:.0%}" if result["work"] else ""]
        for peer in ("jax", "torch"):
            driver = drivers.get(peer)
            if driver is None:  # not asked for, or it has no such operation
                cells += ["", ""]
            elif "missing" in driver:
                cells += [f"missing: {driver['missing']}", ""]
            elif "seconds" in driver:
                cells += [spread(driver["seconds"]), both_ratios(result, peer)]
            else:
                cells += ["no right value", ""]
        lines.append("| " + " | ".join([*cells, verdict(row, found)]) + " |")
    return lines


def rates_table(results: dict, names: list[str]) -> list[str]:
    lines = ["| steps a second | minimascope | JAX | PyTorch |", "|---|---|---|---|"]
    for row in names:
        drivers = results[row]["drivers"]
        cells = [title(row).replace("400 steps of ", "")]
        for name in (OURS, "jax", "torch"):
            seconds = drivers.get(name, {}).get("seconds")
            cells.append(f"{STEPS / statistics.median(seconds):,.0f}" if seconds else "")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def libraries_table(results: dict, names: list[str]) -> list[str]:
    lines = ["| operation | library | ms | ratio | error in f64 |", "|---|---|---|---|---|"]
    for row in names:
        for peer in ("curvlinops", "pyhessian"):
            driver = results[row]["drivers"].get(peer, {})
            if "missing" in driver:
                lines.append(f"| {title(row)} | {peer} | missing: {driver['missing']} | | |")
            elif "seconds" in driver:
                ratio, form = both_ratios(results[row], peer), driver["form"]
                wrong = driver["forms"][form]["error_f64"]
                cells = [title(row), f"{driver['title']}, {form}", spread(driver["seconds"])]
                lines.append("| " + " | ".join([*cells, ratio, f"{wrong:.0e}"]) + " |")
    return lines


def forms_table(results: dict, names: list[str]) -> list[str]:
    lines = [
        "| operation | driver | form that took part | error in f64 | in f32 | other forms, ms |",
        "|---|---|---|---|---|---|",
    ]
    for row in names:
        for driver in results[row]["drivers"].values():
            if not driver.get("forms"):
                continue
            best = driver["forms"].get(driver["form"])
            others = [
                f"{form}: {milliseconds(entry['seconds'])}" if "seconds" in entry
                else f"{form}: {entry['refused']}"
                for form, entry in driver["forms"].items()
                if form != driver["form"]
            ]
            errors = [f"{best[key]:.0e}" for key in ("error_f64", "error_f32")] if best else ["", ""]
            cells = [title(row), driver["title"], driver["form"] or "none", *errors]
            lines.append("| " + " | ".join([*cells, "; ".join(others)]) + " |")
    return lines


def generated(results: dict, order: list[str]) -> str:
    names = [row for row in order if row in results and "seconds" in results[row]["drivers"][OURS]]
    titles = dict.fromkeys(
        driver["title"]
        for row in names
        for driver in results[row]["drivers"].values()
        if "title" in driver
    )
    machines = dict.fromkeys(results[row]["machine"] for row in names)
    dates = sorted({results[row]["date"] for row in names})
    peaks = [results[row]["peak"] / 1e9 for row in names]
    sgd = [row for row in names if "-sgd-" in row]
    libraries = [
        row for row in names if {"curvlinops", "pyhessian"} & set(results[row]["drivers"])
    ]
    missing = "; ".join(title(row) for row in order if row not in names)
    facts = (
        f"{'; '.join(titles)}. {'; '.join(machines)}; peak of fused multiply–adds on two threads, "
        f"measured with each row: {min(peaks):.0f} to {max(peaks):.0f} Gflop/s in f32. "
        f"{' to '.join(dict.fromkeys([dates[0], dates[-1]]))}."
        + (f" **Not measured: {missing}.**" if missing else "")
    )
    return "\n\n".join(
        [
            BEGIN,
            facts,
            "\n".join(times_table(results, names)),
            "\n".join(rates_table(results, sgd)),
            "\n".join(libraries_table(results, libraries)),
            "<details><summary>Every form, and the errors of values against ours in f64</summary>",
            "\n".join(forms_table(results, names)),
            "</details>",
            END,
        ]
    )


def write(path: Path, results: dict, order: list[str]) -> None:
    """Replaces what stands between the markers."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{path} has no lines {BEGIN} and {END}")
    path.write_text(before + generated(results, order) + after)
