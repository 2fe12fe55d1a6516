"""A random plate of a format: its text and its face."""

from __future__ import annotations

from collections.abc import Callable

from numpy.random import Generator

from edgelpr.data.rendering.chinese import draw_chinese
from edgelpr.data.rendering.latin.drawing import draw_aolp, draw_greek, draw_latin, draw_other
from edgelpr.data.rendering.layouts import Layout
from edgelpr.plates.format import PlateFormat

_BY_FORMAT: dict[str, Callable[[PlateFormat, Generator], tuple[str, Layout]]] = {
    "cn": draw_chinese,
    "latin": draw_latin,
    "aolp": draw_aolp,
    "gr": draw_greek,
}


def draw(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A random plate of a format and its layout; formats without layouts of their own get plain ones."""
    return _BY_FORMAT.get(plate_format.name, draw_other)(plate_format, rng)
