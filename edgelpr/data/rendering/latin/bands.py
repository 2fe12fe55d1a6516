"""The country strip at the edge of a plate."""

from __future__ import annotations

from math import cos, pi, sin

from numpy.random import Generator

from edgelpr.data.rendering.choosing import LETTERS, some_of
from edgelpr.data.rendering.latin.separators import crest
from edgelpr.data.rendering.layouts import Cell, Colour, Mark

_BLUE: Colour = (160, 70, 20)
_YELLOW: Colour = (40, 200, 240)
_WHITE: Colour = (235, 235, 235)
_STARS = 8


def euro_band(box: Cell, country: str, rng: Generator) -> tuple[Mark, ...]:
    """A blue strip with a ring of stars above the letters of a country.

    Args:
        box: the strip, in millimetres.
        country: its letters; empty for random ones.
        rng: source of every choice.
    """
    left, top, width, height = box
    letters = country or some_of(LETTERS, int(rng.integers(1, 4)), rng)
    marks = [Mark("bar", box, _BLUE)]
    if rng.random() < 0.85:
        marks += _stars(left + width / 2, top + 0.3 * height, 0.3 * width, rng)
    wide = min(0.8, 0.36 * len(letters)) * width
    tall = height * rng.uniform(0.15, 0.24)
    marks.append(Mark("text", (left + (width - wide) / 2, top + 0.92 * height - tall, wide, tall), _WHITE, letters))
    return tuple(marks)


def _stars(x: float, y: float, radius: float, rng: Generator) -> list[Mark]:
    size = radius * rng.uniform(0.3, 0.55)
    colour = _YELLOW if rng.random() < 0.7 else _WHITE
    places = [(x + radius * cos(2 * pi * i / _STARS), y + radius * sin(2 * pi * i / _STARS)) for i in range(_STARS)]
    return [Mark("dot", (px - size / 2, py - size / 2, size, size), colour) for px, py in places]


def right_band(box: Cell, rng: Generator) -> tuple[Mark, ...]:
    """The second strip of French and Italian plates: a district's two figures and a small emblem."""
    left, top, width, height = box
    wide, tall = 0.64 * width, 0.2 * height
    text = some_of("0123456789", 2, rng) if rng.random() < 0.6 else some_of(LETTERS, 2, rng)
    emblem = 0.5 * width
    return (
        Mark("bar", box, _BLUE),
        Mark("dot", (left + (width - emblem) / 2, top + 0.15 * height, emblem, emblem), _YELLOW, often=0.6),
        Mark("text", (left + (width - wide) / 2, top + 0.7 * height, wide, tall), _WHITE, text, often=0.7),
    )


def crest_band(box: Cell, country: str, rng: Generator) -> tuple[Mark, ...]:
    """No strip, but a coat of arms above the letters of a country, on the plate's own paper."""
    left, top, width, height = box
    wide, tall = 0.7 * width, 0.2 * height
    shield = crest((left, top + 0.12 * height, width, 0.75 * height), rng)
    return (*shield, Mark("text", (left + (width - wide) / 2, top + 0.92 * height - tall, wide, tall), None, country))
