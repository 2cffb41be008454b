"""A figure."""

from __future__ import annotations

import base64
from os import PathLike
from pathlib import Path
from typing import Literal, TypeAlias

Theme: TypeAlias = Literal["auto", "light", "dark"]
"""Inks: `auto` follows the reader's preference."""


class Figure:
    """A figure as SVG. A notebook shows it."""

    __slots__ = ("_svg",)

    def __init__(self, svg: str) -> None:
        self._svg = svg

    @property
    def svg(self) -> str:
        """The document."""
        return self._svg

    def save(self, path: str | PathLike[str]) -> Path:
        """Writes the document; returns where."""
        path = Path(path)
        path.write_text(self._svg, encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        # As an image: identifiers within two figures of one page cannot meet.
        data = base64.b64encode(self._svg.encode()).decode()
        return f'<img alt="figure" src="data:image/svg+xml;base64,{data}">'

    def __repr__(self) -> str:
        return f"<Figure of {len(self._svg):,} bytes of SVG; .save(path) writes it>"
