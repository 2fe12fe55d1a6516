"""A random plate of a format: its text and its face."""

from __future__ import annotations

from collections.abc import Callable

from numpy.random import Generator

from edgelpr.data.rendering.chinese import draw_chinese
from edgelpr.data.rendering.generic import draw_generic
from edgelpr.data.rendering.layouts import Layout
from edgelpr.plates.format import PlateFormat

_BY_FORMAT: dict[str, Callable[[PlateFormat, Generator], tuple[str, Layout]]] = {"cn": draw_chinese}


def draw(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A random plate of a format and its layout; formats without layouts of their own get plain ones."""
    return _BY_FORMAT.get(plate_format.name, draw_generic)(plate_format, rng)
