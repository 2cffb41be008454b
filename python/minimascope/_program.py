"""The command `minimascope`: the same program as the Rust one, in this process."""

from __future__ import annotations

import os
import signal
import sys
import sysconfig
from pathlib import Path

from minimascope import _native


def main() -> int:
    """Runs the command line of this process; returns the exit code."""
    # As in a program without Python: Ctrl-C ends it at once, until it asks for the signal itself.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    sys.stdout.flush()
    return _native.program([_own_path(), *sys.argv[1:]])


def _own_path() -> str:
    """The script that starts this program, for a Slurm job to start it again."""
    called = Path(os.path.abspath(sys.argv[0]))
    if called.name == "__main__.py":
        script = Path(sysconfig.get_path("scripts")) / "minimascope"
        return str(script) if script.is_file() else "minimascope"
    return str(called)
