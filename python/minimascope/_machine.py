"""Threads and memory."""

from __future__ import annotations

import os
import re

from minimascope._errors import InputError

Memory = int | str | None
"""Bytes, or a text such as "512M" or "4G"; None for the default."""

_GIBIBYTE = 1 << 30
_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def memory_bytes(memory: Memory, *, every_direction: bool = False) -> int:
    """Bytes: 1 GiB by default, and half of the machine's for a question about all directions at once."""
    if memory is None:
        return max(_half_of_the_machine(), _GIBIBYTE) if every_direction else _GIBIBYTE
    if isinstance(memory, str):
        found = re.fullmatch(r"\s*([0-9.]+)\s*([KMGT]?)(?:I?B)?\s*", memory.upper())
        try:
            number = float(found[1]) * (1 << _SHIFTS[found[2]]) if found else 0.0
        except ValueError:
            number = 0.0
    else:
        number = float(memory)
    if not 1 <= number < 2**48:
        raise InputError(f'memory = {memory!r}: give bytes, or a text such as "512M" or "4G"')
    return int(number)


def _half_of_the_machine() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return _GIBIBYTE


def thread_count(threads: int | None) -> int:
    """Threads; 0 lets Rust take every processor."""
    if threads is None:
        return 0
    if threads < 1:
        raise InputError(f"threads = {threads}: give a number from 1")
    return int(threads)
