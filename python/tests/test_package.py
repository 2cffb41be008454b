"""The package: what importing it costs, its command, its types."""

from __future__ import annotations

import inspect
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import minimascope as ms

IMPORT = """
import sys, time
begun = time.process_time()
import minimascope
print(time.process_time() - begun, *sorted(name for name in sys.modules if "." not in name))
"""


def in_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments, "-c", code], capture_output=True, text=True)


def test_importing_takes_no_time_and_no_framework() -> None:
    """Under 0.3 s of the processor with numpy, in the best of five: other processes may hold it."""
    taken = [in_python(IMPORT).stdout.split() for _ in range(5)]
    assert min(float(seconds) for seconds, *_ in taken) < 0.3
    _, *modules = taken[0]
    for heavy in ("torch", "scipy", "pandas", "polars", "tqdm", "IPython", "matplotlib"):
        assert heavy not in modules
    assert "numpy" in modules and "minimascope" in modules


def test_a_star_import_brings_no_framework() -> None:
    done = in_python("from minimascope import *; import sys; print('torch' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sharpnes'"):
        ms.sharpnes  # noqa: B018


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The script that the package installs."""
    script = Path(sysconfig.get_path("scripts")) / "minimascope"
    return subprocess.run([script, *arguments], capture_output=True, text=True)


def test_the_command_is_the_program() -> None:
    done = command("--version")
    assert (done.returncode, done.stdout) == (0, f"minimascope {ms.__version__}\n")
    done = command("model", "list", "--json")
    assert done.returncode == 0 and '"fashion-mnist-fnn"' in done.stdout


@pytest.mark.parametrize("start", ["script", "module"])
def test_exit_codes_are_the_programs(start: str, tmp_path: Path) -> None:
    def started(*arguments: str) -> subprocess.CompletedProcess[str]:
        if start == "script":
            return command(*arguments)
        return subprocess.run(
            [sys.executable, "-m", "minimascope", *arguments], capture_output=True, text=True
        )

    assert started("--help").returncode == 0
    assert started("no-such-command").returncode == 2
    refused = started("run", "no-such-preset")
    assert refused.returncode == 2 and refused.stderr.startswith("error: ") and not refused.stdout
    blocked = tmp_path / "file"
    blocked.write_text("")
    failed = started("run", "fashion-mnist-fnn", "--out", str(blocked))
    assert failed.returncode == 1, failed.stderr


def test_a_job_of_slurm_starts_the_script_again(tmp_path: Path) -> None:
    """Not the interpreter, which is this process's executable."""
    done = command(
        "sweep", "fashion-mnist-fnn", "train.learning_rate=0.1,0.5", "--engine", "slurm",
        "--dry-run", "--out", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    script = Path(sysconfig.get_path("scripts")) / "minimascope"
    assert str(script) in done.stdout


def test_everything_public_is_explained() -> None:
    for name in ms.__all__:
        value = getattr(ms, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name
        if inspect.isclass(value):
            for member, held in vars(value).items():
                if not member.startswith("_") and (callable(held) or isinstance(held, property)):
                    assert inspect.getdoc(held), f"{name}.{member}"


def test_the_types_are_strict(tmp_path: Path) -> None:
    """mypy --strict over the installed package, and over a user's file."""
    pytest.importorskip("mypy")
    package = Path(ms.__file__).parent
    assert (package / "py.typed").is_file()
    user = tmp_path / "user.py"
    user.write_text(
        "import numpy as np\n"
        "import minimascope as ms\n"
        "found: ms.Measurement = ms.measure(np.eye(3), second_moment=np.eye(3))\n"
        "a = found.sharpness\n"
        "if a is not None:\n"
        "    print(a.value + 1, a.converged)\n"
        "point: ms.TrainedPoint = ms.DensePoint(np.ones((2, 1, 1)))\n"
        "answer = ms.stability(point, batch_size='all')\n"
        "if answer.bracket is not None:\n"
        "    print(answer.bracket.lower)\n"
    )
    arguments = ["--strict", "--cache-dir", str(tmp_path / "cache"), str(user)]
    sources = [str(path) for path in sorted(package.glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments, *sources], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
