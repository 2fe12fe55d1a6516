"""Plain plates for any plate format that has no layouts of its own (ours)."""

from __future__ import annotations

from functools import lru_cache

from numpy.random import Generator

from edgelpr.data.rendering.choosing import one_of
from edgelpr.data.rendering.layouts import Cell, Layout
from edgelpr.plates.format import PlateFormat


def draw_generic(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A random plate: each position from its pattern, or from the alphabet."""
    length = _length(plate_format, rng)
    allowed = plate_format.pattern or (plate_format.alphabet,) * plate_format.longest
    text = "".join(one_of(allowed[index], rng) for index in range(length))
    return text, generic_layout(length, plate_format.rows, bool(rng.random() < 0.4))


def _length(plate_format: PlateFormat, rng: Generator) -> int:
    """Every length that the format allows, equally often; the four longest where it names no shortest."""
    longest = plate_format.longest
    if not plate_format.void:
        return longest
    shortest = max(1, longest - 3) if plate_format.shortest is None else plate_format.shortest
    return int(rng.integers(shortest, longest + 1))


@lru_cache(maxsize=256)
def generic_layout(length: int, rows: int, dark: bool) -> Layout:
    """A plain layout.

    Args:
        length: number of characters.
        rows: 1, or 2 to break the text in the middle, the shorter half on top.
        dark: light ink on dark paper, or the other way round.
    """
    width, height = (440, 140) if rows == 1 else (300, 200)
    top = length // 2 if rows == 2 else 0
    lines = [count for count in (top, length - top) if count]
    band = height / len(lines)
    cells: list[Cell] = []
    for number, count in enumerate(lines):
        pitch = min((width - 30.0) / count, 0.72 * band)
        left = (width - pitch * count) / 2
        cells += [(left + pitch * i + 0.08 * pitch, band * (number + 0.18), 0.84 * pitch, 0.64 * band) for i in range(count)]
    paper, ink = ((110, 60, 30), (240, 240, 240)) if dark else ((240, 240, 240), (25, 25, 25))
    return Layout(f"generic-{'dark' if dark else 'light'}", (width, height), tuple(cells), paper, ink)
