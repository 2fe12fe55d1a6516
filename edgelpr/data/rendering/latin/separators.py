"""What is printed or stuck between the groups of a plate."""

from __future__ import annotations

from numpy.random import Generator

from edgelpr.data.rendering.layouts import Cell, Colour, Mark

_STICKERS: tuple[Colour, ...] = (
    (60, 130, 40),
    (40, 90, 210),
    (170, 90, 30),
    (40, 150, 220),
    (160, 60, 160),
    (40, 40, 190),
    (90, 90, 90),
    (200, 200, 200),
)
_RED: Colour = (50, 40, 190)
_BLUE: Colour = (150, 80, 30)
_WHITE: Colour = (235, 235, 235)


def draw_separator(symbol: str, box: Cell, rng: Generator) -> tuple[Mark, ...]:
    """The marks of one separator.

    Args:
        symbol: a key of ``SEPARATORS``.
        box: its room, as high as the characters.
        rng: source of every choice.
    """
    if symbol == "-":
        return (_hyphen(box, rng),)
    if symbol == ".":
        return (_dot(box, rng),)
    if symbol == "*":
        return stickers(box, rng)
    return crest(box, rng) if symbol == "^" else ()


def _hyphen(box: Cell, rng: Generator) -> Mark:
    left, top, width, height = box
    long, thick = width * rng.uniform(0.45, 0.8), height * rng.uniform(0.08, 0.15)
    middle = top + height * rng.uniform(0.44, 0.54)
    return Mark("bar", (left + (width - long) / 2, middle - thick / 2, long, thick))


def _dot(box: Cell, rng: Generator) -> Mark:
    left, top, width, height = box
    size = height * rng.uniform(0.10, 0.19)
    middle = top + height * rng.uniform(0.42, 0.56)
    return Mark("bar" if rng.random() < 0.5 else "dot", (left + (width - size) / 2, middle - size / 2, size, size))


def stickers(box: Cell, rng: Generator) -> tuple[Mark, ...]:
    """One or two round stickers, one above the other, with or without a hyphen between them."""
    left, top, width, height = box
    size = height * rng.uniform(0.28, 0.42)
    x = left + (width - size) / 2
    places = [top + height * rng.uniform(0.0, 0.08), top + height - size - height * rng.uniform(0.0, 0.08)]
    kept = places if rng.random() < 0.6 else [places[int(rng.integers(2))]]
    marks = [_hyphen(box, rng)] if rng.random() < 0.5 else []
    for y in kept:
        marks += _sticker((x, y, size, size), rng)
    return tuple(marks)


def _sticker(box: Cell, rng: Generator) -> list[Mark]:
    x, y, size, _ = box
    outer, inner = (_STICKERS[int(rng.integers(len(_STICKERS)))] for _ in range(2))
    share = rng.uniform(0.4, 0.75)
    shift = size * (1 - share) / 2
    marks = [Mark("bar", (x - 0.05 * size, y, 1.1 * size, size), _WHITE)] if rng.random() < 0.35 else []
    return [*marks, Mark("dot", box, outer), Mark("dot", (x + shift, y + shift, size * share, size * share), inner)]


def crest(box: Cell, rng: Generator) -> tuple[Mark, ...]:
    """A coat of arms: a shield of two colours with something bright on it."""
    left, top, width, height = box
    wide, high = min(width, height * rng.uniform(0.36, 0.5)), height * rng.uniform(0.42, 0.6)
    x, y = left + (width - wide) / 2, top + (height - high) * rng.uniform(0.2, 0.7)
    upper, lower = (_RED, _BLUE) if rng.random() < 0.6 else (_STICKERS[int(rng.integers(8))], _STICKERS[int(rng.integers(8))])
    return (
        Mark("dot", (x + 0.08 * wide, y + 0.3 * high, 0.84 * wide, 0.7 * high), lower),
        Mark("bar", (x, y, wide, 0.62 * high), upper),
        Mark("bar", (x + 0.44 * wide, y + 0.12 * high, 0.12 * wide, 0.6 * high), _WHITE),
        Mark("bar", (x + 0.25 * wide, y + 0.24 * high, 0.5 * wide, 0.1 * high), _WHITE),
    )
