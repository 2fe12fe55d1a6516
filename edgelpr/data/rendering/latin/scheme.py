"""A country's plates as data, and a plate drawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.random import Generator

from edgelpr.data.rendering.choosing import DIGITS, LETTERS, one_of, weighted
from edgelpr.data.rendering.latin.bands import crest_band, euro_band, right_band
from edgelpr.data.rendering.latin.lettering import choose_lettering
from edgelpr.data.rendering.latin.rows import SEPARATORS, Row, set_row
from edgelpr.data.rendering.latin.separators import draw_separator
from edgelpr.data.rendering.layouts import Cell, Colour, Layout, Mark
from edgelpr.types import LetterFamily

WHITE: Colour = (240, 240, 240)
BLACK: Colour = (28, 28, 28)
YELLOW: Colour = (30, 190, 245)
RED: Colour = (40, 40, 180)
BLUE: Colour = (140, 65, 25)
GREEN: Colour = (70, 120, 20)

_TWO_ROWS = 0.08
"""Share of square plates, where a country has them."""


@dataclass(frozen=True)
class Scheme:
    """The plates of a country, or of an age of them."""

    name: str
    """The kind that labels carry."""

    patterns: tuple[str, ...]
    """Grammars, equally often: ``l`` a letter, ``d`` a digit, ``x`` either, a separator of ``rows.SEPARATORS``, or the
    character itself; ``/`` begins a second row."""

    share: float = 1.0
    """How often, against the other schemes of its part of the world."""

    letters: str = LETTERS
    """What an ``l`` may be."""

    family: LetterFamily = "narrow"
    """Kind of lettering."""

    size: tuple[int, int] = (520, 110)
    """Width and height in millimetres; plates of two rows are 280 by 200, or ``square``."""

    square: tuple[int, int] = (280, 200)
    """Width and height of a plate of two rows."""

    colours: tuple[tuple[Colour, Colour], ...] = ((WHITE, BLACK),)
    """Paper and ink, equally often."""

    tall: tuple[float, float] = (0.62, 0.74)
    """Height of the characters as a share of the plate's: smallest and largest."""

    band: Literal["euro", "both", "crest", "none"] = "none"
    """What stands at the edges."""

    band_share: float = 0.8
    """Share of plates that have it."""

    country: str = ""
    """Letters in the strip; empty for random ones."""

    equal: float = 0.5
    """Share of plates whose characters are equally far apart."""

    def draw(self, rng: Generator) -> tuple[str, Layout]:
        """A plate: its text and its face."""
        single = [pattern for pattern in self.patterns if "/" not in pattern]
        double = [pattern for pattern in self.patterns if "/" in pattern]
        patterns = double if double and (not single or rng.random() < _TWO_ROWS) else single
        symbols = self._fill(patterns[int(rng.integers(len(patterns)))], rng)
        size = self.square if "/" in symbols else self.size
        room, marks = self._edges(size, rng)
        return self._set(symbols, size, room, marks, rng)

    def _fill(self, pattern: str, rng: Generator) -> str:
        choices = {"l": self.letters, "d": DIGITS, "x": DIGITS + self.letters}
        return "".join(one_of(choices.get(symbol, symbol), rng) for symbol in pattern)

    def _edges(self, size: tuple[int, int], rng: Generator) -> tuple[Cell, tuple[Mark, ...]]:
        """The room for the characters, and the strips beside it."""
        width, height = float(size[0]), float(size[1])
        margin = rng.uniform(0.06, 0.14) * min(size[1], 130)
        if self.band == "none" or rng.random() > self.band_share:
            return (margin, 0.0, width - 2 * margin, height), ()
        strip = rng.uniform(0.075, 0.095) * (width if width > 2 * height else 1.4 * width)
        inset = rng.uniform(0.0, 0.05) * height
        box = (inset, inset, strip, height - 2 * inset)
        right = margin
        if self.band == "crest":
            marks = crest_band((margin, 0.0, strip, height), self.country, rng)
            strip += margin
        else:
            marks = euro_band(box, self.country, rng)
        if self.band == "both" and rng.random() < 0.8:
            marks += right_band((width - inset - strip, inset, strip, height - 2 * inset), rng)
            right = strip + 0.5 * margin
        left = strip + rng.uniform(0.3, 1.0) * margin
        return (left, 0.0, width - left - right, height), marks

    def _set(
        self, symbols: str, size: tuple[int, int], room: Cell, marks: tuple[Mark, ...], rng: Generator
    ) -> tuple[str, Layout]:
        lettering = choose_lettering(self.family, self.equal, rng)
        rows = [set_row(row, box, lettering) for row, box in zip(symbols.split("/"), self._bands(symbols, room, rng))]
        colours = self.colours[int(rng.integers(len(self.colours)))]
        name = self.name if len(rows) == 1 else f"{self.name}-square"
        text = "".join(symbol for symbol in symbols if symbol not in SEPARATORS and symbol != "/")
        return text, finish(name, size, rows, colours, marks, lettering.style, rng)

    def _bands(self, symbols: str, room: Cell, rng: Generator) -> list[Cell]:
        """The box of each row."""
        left, top, width, height = room
        if "/" not in symbols:
            tall = rng.uniform(*self.tall) * height
            return [(left, top + (height - tall) * rng.uniform(0.42, 0.58), width, tall)]
        tall = rng.uniform(0.34, 0.40) * height
        first = rng.uniform(0.05, 0.09) * height
        second = first + tall + rng.uniform(0.04, 0.08) * height
        return [(left, first, width, tall), (left, second, width, tall)]


def finish(
    name: str,
    size: tuple[int, int],
    rows: list[Row],
    colours: tuple[Colour, Colour],
    marks: tuple[Mark, ...],
    style: str,
    rng: Generator,
) -> Layout:
    """A layout of rows that are set, with their separators drawn."""
    between = tuple(mark for row in rows for symbol, box in row.separators for mark in draw_separator(symbol, box, rng))
    cells = tuple(cell for row in rows for cell in row.cells)
    return Layout(name, size, cells, colours[0], colours[1], style, marks=marks + between)


def draw_one(schemes: tuple[Scheme, ...], rng: Generator) -> tuple[str, Layout]:
    """A plate of one of several schemes, by their shares."""
    return weighted({scheme: scheme.share for scheme in schemes}, rng).draw(rng)
