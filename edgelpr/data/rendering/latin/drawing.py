"""A random plate of the built-in formats with Latin letters."""

from __future__ import annotations

from collections.abc import Callable

from numpy.random import Generator

from edgelpr.data.rendering.choosing import DIGITS, LETTERS, weighted
from edgelpr.data.rendering.generic import draw_generic
from edgelpr.data.rendering.latin import european, greek
from edgelpr.data.rendering.latin.american import draw_american
from edgelpr.data.rendering.latin.brazilian import draw_grey, draw_mercosur
from edgelpr.data.rendering.latin.scheme import draw_one
from edgelpr.data.rendering.latin.taiwanese import NEW, OLD, OLD_MOTORCYCLE
from edgelpr.data.rendering.latin.world import draw_own, draw_world
from edgelpr.data.rendering.layouts import Layout
from edgelpr.plates.format import PlateFormat

_Draw = Callable[[Generator], tuple[str, Layout]]

_SHARES: dict[str, float] = {
    "european": 0.40,
    "brazilian": 0.17,
    "mercosur": 0.06,
    "american": 0.10,
    "taiwanese": 0.05,
    "greek": 0.04,
    "world": 0.18,
}


def draw_latin(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A plate of any country with Latin letters, for the format ``latin``.

    Args:
        plate_format: for the number of characters that a plate may have.
        rng: source of every choice.

    Returns:
        The text without separators, and the face with a cell for each of its characters.
    """
    if _is_narrowed(plate_format):
        return draw_own(plate_format, rng)
    part = weighted(_SHARES, rng)
    return draw_world(plate_format.positions, rng) if part == "world" else _PARTS[part](rng)


def draw_aolp(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A Taiwanese plate of six characters, for the format ``aolp``."""
    if _is_narrowed(plate_format):
        return draw_own(plate_format, rng)
    return OLD.draw(rng)


def draw_greek(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A plate as they drive in Greece, for the format ``gr``."""
    if _is_narrowed(plate_format):
        return draw_own(plate_format, rng)
    return draw_one(greek.SCHEMES, rng)


def draw_other(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A plate of a user's own format: any face where its alphabet is Latin letters and digits, else a plain one."""
    if set(plate_format.alphabet) <= set(DIGITS + LETTERS):
        return draw_own(plate_format, rng)
    return draw_generic(plate_format, rng)


def _is_narrowed(plate_format: PlateFormat) -> bool:
    """Whether it says which plates there are: then those, and not all that are driven."""
    return plate_format.pattern is not None or plate_format.shortest is not None


def _draw_taiwanese(rng: Generator) -> tuple[str, Layout]:
    return weighted({OLD: 0.5, NEW: 0.35, OLD_MOTORCYCLE: 0.15}, rng).draw(rng)


_PARTS: dict[str, _Draw] = {
    "european": lambda rng: draw_one(european.SCHEMES, rng),
    "brazilian": draw_grey,
    "mercosur": draw_mercosur,
    "american": draw_american,
    "taiwanese": _draw_taiwanese,
    "greek": lambda rng: draw_one(greek.SCHEMES, rng),
}
