"""Which letters a plate gets: a style, and how loosely they are set."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from edgelpr.data.rendering.choosing import weighted
from edgelpr.data.rendering.latin.pen import Pen
from edgelpr.types import LetterFamily

_SKELETONS: dict[LetterFamily, dict[str, float]] = {
    "narrow": {"plain": 1.0},
    "notched": {"notched": 0.6, "plain": 0.4},
    "square": {"square": 1.0},
    "forgery": {"forgery": 0.85, "plain": 0.15},
    "taiwan": {"taiwan": 0.85, "american": 0.15},
    "american": {"american": 0.8, "taiwan": 0.2},
    "any": {"plain": 0.35, "notched": 0.1, "square": 0.15, "forgery": 0.15, "taiwan": 0.1, "american": 0.15},
}
_WEIGHTS: dict[LetterFamily, tuple[int, int]] = {
    "narrow": (10, 16),
    "notched": (9, 14),
    "square": (14, 21),
    "forgery": (11, 16),
    "taiwan": (11, 16),
    "american": (10, 15),
    "any": (9, 20),
}
_NARROW_FONTS = [
    "barlow-500",
    "barlow-condensed-500",
    "barlow-condensed-600",
    "barlow-semi-condensed-500",
    "barlow-semi-condensed-600",
    "oswald-500",
    "roboto-condensed-500",
    "osp-din",
    "sometype-mono-600",
    "archivo-narrow-600",
    "rajdhani-600",
]
_FONTS: dict[LetterFamily, list[str]] = {
    "narrow": _NARROW_FONTS,
    "notched": [],
    "square": ["barlow-700", "roboto-condensed-700", "overpass-600", "big-shoulders-display-700"],
    "forgery": ["b612-mono-700", "chivo-mono-500", "red-hat-mono-600", "sometype-mono-600", "chakra-petch-600"],
    "taiwan": ["barlow-500", "roboto-condensed-500", "overpass-600"],
    "american": [
        "barlow-condensed-600",
        "bebas-neue-400",
        "antonio-500",
        "oswald-500",
        "league-gothic-400",
        "fjalla-one-400",
        "teko-500",
    ],
    "any": [
        "barlow-700",
        "overpass-600",
        "overpass-mono-600",
        "b612-mono-700",
        "big-shoulders-display-700",
        "chakra-petch-600",
        "antonio-500",
        "bebas-neue-400",
        "chivo-mono-500",
        "red-hat-mono-600",
        "fjalla-one-400",
        "roboto-mono-600",
        "teko-500",
        "league-gothic-400",
        "martian-mono-500",
        "dm-mono-500",
        "michroma-400",
        "roboto-condensed-700",
        *_NARROW_FONTS,
    ],
}
_FONT_SHARE: dict[LetterFamily, float] = {
    "narrow": 0.25,
    "notched": 0.0,
    "square": 0.15,
    "forgery": 0.15,
    "taiwan": 0.15,
    "american": 0.45,
    "any": 0.45,
}


@dataclass(frozen=True)
class Lettering:
    """How the characters of one plate are set; lengths are shares of their height."""

    style: str
    """Glyph style, see ``LibraryGlyphs``."""

    stretch: float = 1.0
    """Factor on the width of characters."""

    space: float = 0.12
    """Between two characters."""

    pitch: float = 0.0
    """Least distance from one character to the next: above 0, narrow ones stand as far apart as broad ones."""

    fill: float = 0.0
    """Share of the room left in a row that goes between the characters, 0 to 1; the rest goes to its ends."""


def choose_lettering(family: LetterFamily, equal: float, rng: Generator) -> Lettering:
    """Letters for a plate.

    Args:
        family: the kind of lettering.
        equal: share of plates with all characters equally far apart, 0 to 1.
        rng: source of every choice.
    """
    stretch = float(rng.uniform(0.88, 1.12) if rng.random() < 0.8 else rng.uniform(0.75, 1.25))
    space = float(rng.uniform(0.10, 0.24))
    pitch = 0.62 * stretch + space if rng.random() < equal else 0.0
    return Lettering(choose_style(family, rng), stretch, space, pitch, float(rng.uniform(0, 1)))


def choose_style(family: LetterFamily, rng: Generator) -> str:
    """A glyph style of a family: one of its fonts, or a pen."""
    if rng.random() < _FONT_SHARE[family]:
        fonts = _FONTS[family]
        return f"font {fonts[int(rng.integers(len(fonts)))]}"
    low, high = _WEIGHTS[family]
    weight, width = int(rng.integers(low, high + 1)), 90 + 10 * int(rng.integers(0, 3))
    roundness = 100 if rng.random() < 0.65 else 60
    return Pen(weighted(_SKELETONS[family], rng), weight, width, roundness).style
