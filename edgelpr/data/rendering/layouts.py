"""Where the characters stand on a plate, in millimetres, and its colours.

Chinese sizes are those of GA 36: 440x140 mm, characters of 45x90 mm; new-energy plates 480x140 mm with 43 mm characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

Cell = tuple[float, float, float, float]
"""Left, top, width, height of a character in millimetres."""

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""


@dataclass(frozen=True)
class Layout:
    """The face of one type of plate."""

    name: str
    """Type, for example ``blue``."""

    size: tuple[int, int]
    """Width and height in millimetres."""

    cells: tuple[Cell, ...]
    """One a character, in reading order."""

    paper: Colour
    """Background."""

    ink: Colour
    """Characters."""

    style: str = "140"
    """Glyph style, for sources that have several."""

    dot: tuple[float, float] | None = None
    """Centre of the separating dot in millimetres."""

    fade: Colour | None = None
    """Background at the top edge, running into ``paper`` at the bottom."""

    red_last: bool = False
    """Whether the last character is red, as on police plates."""


_BLUE: Colour = (150, 60, 15)
_YELLOW: Colour = (20, 180, 245)
_WHITE: Colour = (240, 240, 240)
_BLACK: Colour = (25, 25, 25)
_GREEN: Colour = (90, 190, 70)


def _single_row(starts: tuple[float, ...], width: float) -> tuple[Cell, ...]:
    return tuple((start, 25.0, 45.0 if index == 0 else width, 90.0) for index, start in enumerate(starts))


_SEVEN = _single_row((15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5), 45.0)
_EIGHT = _single_row((15.5, 69.5, 161.5, 213.5, 265.5, 317.5, 369.5, 421.5), 43.0)
_DOT = (134.5, 70.0)

CHINESE = {
    "blue": Layout("blue", (440, 140), _SEVEN, _BLUE, _WHITE, dot=_DOT),
    "yellow": Layout("yellow", (440, 140), _SEVEN, _YELLOW, _BLACK, dot=_DOT),
    "white": Layout("white", (440, 140), _SEVEN, _WHITE, _BLACK, dot=_DOT, red_last=True),
    "black": Layout("black", (440, 140), _SEVEN, _BLACK, _WHITE, dot=_DOT),
    "green": Layout("green", (480, 140), _EIGHT, _GREEN, _BLACK, style="green", fade=(235, 245, 235)),
}
"""Chinese types by name; ``green`` has eight characters, the others seven."""


@lru_cache(maxsize=256)
def generic_layout(length: int, rows: int, dark: bool) -> Layout:
    """A plain layout for any plate format (ours).

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
    paper, ink = ((110, 60, 30), _WHITE) if dark else (_WHITE, _BLACK)
    return Layout(f"generic-{'dark' if dark else 'light'}", (width, height), tuple(cells), paper, ink)
