"""Plates of North America and Australia: flat, colourful, with words above and below the characters.

Cars carry 305x152 mm in the United States, Canada and Mexico, 372x134 mm in most of Australia, motorcycles 178x102 mm
(Wikipedia, "Vehicle registration plates of the United States" and "... of Australia"). Words are random letters: a
network should pass them over, not know them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from edgelpr.data.rendering.choosing import DIGITS, LETTERS, one_of, some_of
from edgelpr.data.rendering.latin.lettering import choose_lettering
from edgelpr.data.rendering.latin.rows import SEPARATORS, set_row
from edgelpr.data.rendering.latin.scheme import finish
from edgelpr.data.rendering.layouts import Colour, Layout, Mark

_PATTERNS = [
    "lll_dddd",
    "lll-dddd",
    "dlll_ddd",
    "lll_ddd",
    "lll-ddd",
    "ddd_lll",
    "ddd-lll",
    "lldd_dd",
    "llddddd",
    "l_dddddd",
    "dddddd",
    "ddd_ddd",
    "dddlll",
    "llld_dd",
    "lll.ddd",
    "lll.dddd",
    "ll.ddddd",
    "dd-dddd",
    "xxxxxx",
    "xxxxxxx",
    "xxxxx",
    "ddlddd",
    "ll^dddd",
    "lll^ddd",
    "ddd^lll",
    "lld_ddl",
    "dlldll",
    "ddd_lld",
    "llddll",
    "lll_ddl",
    "dddd_ll",
    "ll/dddd",
    "lll/ddd",
]
_INKS: tuple[Colour, ...] = ((90, 30, 20), (25, 25, 25), (110, 50, 20), (40, 40, 150), (30, 80, 30), (80, 40, 60))


def draw_american(rng: Generator) -> tuple[str, Layout]:
    """A plate of a state, a province or of Australia."""
    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))].replace("_", "_" if rng.random() < 0.5 else " ")
    symbols = "".join(one_of({"l": LETTERS, "d": DIGITS, "x": LETTERS + DIGITS}.get(each, each), rng) for each in pattern)
    square = "/" in symbols
    flat = not square and rng.random() < 0.25
    size = (178, 102) if square else ((372, 134) if flat else (305, 152))
    lettering = choose_lettering("american" if rng.random() < 0.75 else "any", 0.4, rng)
    tall = size[1] * (0.33 if square else rng.uniform(0.42, 0.52))
    tops = (0.14 * size[1], 0.54 * size[1]) if square else (size[1] * rng.uniform(0.25, 0.33),)
    margin = size[0] * rng.uniform(0.04, 0.09)
    rows = [set_row(row, (margin, top, size[0] - 2 * margin, tall), lettering) for row, top in zip(symbols.split("/"), tops)]
    paper, ink = _colours(rng)
    layout = finish(
        "american-square" if square else "american", size, rows, (paper, ink), _words(size, square, rng), lettering.style, rng
    )
    fade = _pale(rng) if rng.random() < 0.35 and sum(paper) > 500 else None
    text = "".join(symbol for symbol in symbols if symbol not in SEPARATORS and symbol != "/")
    return text, replace(layout, fade=fade, border=None if rng.random() < 0.6 else (0.0, 0.0))


def _pale(rng: Generator) -> Colour:
    blue, green, red = np.clip(rng.uniform(190, 245) + rng.normal(0, 28, 3), 150, 250).astype(int).tolist()
    return blue, green, red


def _colours(rng: Generator) -> tuple[Colour, Colour]:
    ink = _INKS[int(rng.integers(len(_INKS)))]
    return (ink, _pale(rng)) if rng.random() < 0.15 else (_pale(rng), ink)


def _words(size: tuple[int, int], square: bool, rng: Generator) -> tuple[Mark, ...]:
    """State above, slogan below, stickers in the corners, a picture somewhere behind."""
    width, height = size
    band = 0.10 * height if square else rng.uniform(0.11, 0.17) * height
    colour = None if rng.random() < 0.5 else _INKS[int(rng.integers(len(_INKS)))]
    marks = [_line(width, rng.uniform(0.03, 0.08) * height, band, 0.92, colour, rng)]
    if not square:
        marks.append(_line(width, height - rng.uniform(0.03, 0.06) * height - 0.8 * band, 0.8 * band, 0.75, colour, rng))
    if rng.random() < 0.35:
        where = (rng.uniform(0.2, 0.7) * width, rng.uniform(0.2, 0.5) * height, 0.2 * width, 0.4 * height)
        marks.insert(0, Mark("dot", where, _pale(rng)))
    for x, y in ((0.03, 0.04), (0.85, 0.04), (0.03, 0.8), (0.85, 0.8)):
        if rng.random() < 0.22:
            box = (x * width, y * height, 0.12 * width, 0.16 * height)
            marks.append(Mark("bar", box, _INKS[int(rng.integers(len(_INKS)))]))
            marks.append(
                Mark("text", (box[0] + 2, box[1] + 2, box[2] - 4, box[3] - 4), (235, 235, 235), some_of(DIGITS, 2, rng))
            )
    return tuple(marks)


def _line(width: int, top: float, tall: float, often: float, colour: Colour | None, rng: Generator) -> Mark:
    word = some_of(LETTERS, int(rng.integers(4, 13)), rng)
    wide = min(0.7 * width, 0.75 * tall * len(word))
    return Mark("text", ((width - wide) / 2, top, wide, tall), colour, word, often)
