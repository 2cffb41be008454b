"""The exceptions of this package."""

from __future__ import annotations


class Error(Exception):
    """Something failed that the caller could not have known: a file that cannot be written, a fault."""


class InputError(Error, ValueError):
    """What was given has no meaning. The text is one sentence that says what to do."""
