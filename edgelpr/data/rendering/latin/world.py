"""Plates of no country: any grouping, colour and lettering, so that a network reads what nobody listed (ours)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.random import Generator

from edgelpr.data.rendering.choosing import LETTERS, one_of, some_of, weighted
from edgelpr.data.rendering.generic import draw_generic
from edgelpr.data.rendering.latin.rows import SEPARATORS
from edgelpr.data.rendering.latin.scheme import Scheme
from edgelpr.data.rendering.layouts import Colour, Layout
from edgelpr.plates.format import PlateFormat

_LENGTHS = {4: 0.06, 5: 0.12, 6: 0.28, 7: 0.32, 8: 0.16, 9: 0.06}
_SEPARATORS = "   ___--...*^"
_TWO_ROWS = 0.1
_CONTRAST = 90.0
"""Least difference of brightness between paper and ink, 0 to 255."""


def draw_world(longest: int, rng: Generator) -> tuple[str, Layout]:
    """A plate that nobody stamps.

    Args:
        longest: most characters the format has room for.
        rng: source of every choice.
    """
    length = min(longest, weighted(_LENGTHS, rng))
    two_rows = rng.random() < _TWO_ROWS
    symbols = _pattern(length, rng)
    return _scheme(_broken(symbols, rng) if two_rows else symbols, length, rng).draw(rng)


def draw_own(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A plate of a user's own format of Latin letters and digits: its pattern's text on any face.

    Args:
        plate_format: alphabet, pattern, lengths and rows.
        rng: source of every choice.
    """
    text, _ = draw_generic(plate_format, rng)
    symbols = text[0]
    for before, after in pairwise(text):
        apart = before.isdigit() != after.isdigit() and rng.random() < 0.7
        symbols += (one_of(_SEPARATORS, rng) if apart else "") + after
    two_rows = len(text) > 1 and (plate_format.rows == 2 or rng.random() < _TWO_ROWS)
    return _scheme(_broken(symbols, rng) if two_rows else symbols, len(text), rng).draw(rng)


def _scheme(symbols: str, length: int, rng: Generator) -> Scheme:
    """A face for one pattern."""
    two_rows = "/" in symbols
    ratio = rng.uniform(1.2, 2.0) if two_rows else rng.uniform(1.9, 5.0) * (1 if length < 8 else 1.2)
    height = int(rng.integers(100, 161))
    size = (round(ratio * height), height)
    return Scheme(
        "world",
        (symbols,),
        family="any",
        size=size,
        square=size,
        colours=(_colours(rng),),
        tall=(0.45, 0.85),
        band="both" if rng.random() < 0.3 else ("crest" if rng.random() < 0.1 else "euro"),
        band_share=0.25,
        country=some_of(LETTERS, int(rng.integers(1, 4)), rng),
        equal=0.4,
    )


def _pattern(length: int, rng: Generator) -> str:
    """Groups of letters and of digits, sometimes mixed, with separators between some of them."""
    kinds = "ld" if rng.random() < 0.85 else "x"
    symbols, kind = "", one_of(kinds, rng)
    for index in range(length):
        if index and rng.random() < 0.4:
            kind = one_of(kinds, rng)
            symbols += one_of(_SEPARATORS, rng) if rng.random() < 0.75 else ""
        symbols += kind
    return symbols


def _broken(symbols: str, rng: Generator) -> str:
    """A pattern in two rows, broken between two characters or in place of a separator, somewhere near the middle."""
    places = [at for at in range(1, len(symbols)) if symbols[at - 1] not in SEPARATORS]
    middle = min(places, key=lambda at: abs(at - len(symbols) * rng.uniform(0.3, 0.6)))
    return f"{symbols[:middle]}/{symbols[middle:].lstrip(_SEPARATORS)}"


def _colours(rng: Generator) -> tuple[Colour, Colour]:
    """Paper and ink; two in three plates are dark on light."""
    while True:
        first, second = (np.clip(rng.uniform(10, 245) + rng.normal(0, 40, 3), 0, 255).astype(int) for _ in range(2))
        if abs(float(first.mean() - second.mean())) > _CONTRAST:
            break
    dark, light = sorted((first, second), key=lambda colour: float(colour.mean()))
    pair = (dark, light) if rng.random() < 0.33 else (light, dark)
    (a, b, c), (d, e, f) = pair[0].tolist(), pair[1].tolist()
    return (a, b, c), (d, e, f)
