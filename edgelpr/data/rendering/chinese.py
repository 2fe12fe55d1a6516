"""Chinese plates: types, sizes and grammar.

Sizes follow the public standard GA 36: single-row plates of 440x140 mm with characters of 45x90 mm, two-row plates of
440x220 mm with 80x60 mm characters above 65x110 mm ones, new-energy plates of 480x140 mm, motorcycles 220x140 mm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from numpy.random import Generator

from edgelpr.data.rendering.choosing import DIGITS, LETTERS_WITHOUT_IO, one_of, some_of, weighted
from edgelpr.data.rendering.layouts import Cell, Colour, Layout, Mark
from edgelpr.plates.format import PlateFormat

_PROVINCES = 31
_BLUE: Colour = (150, 60, 15)
_YELLOW: Colour = (20, 180, 245)
_WHITE: Colour = (240, 240, 240)
_BLACK: Colour = (25, 25, 25)
_GREEN: Colour = (90, 190, 70)
_PALE: Colour = (235, 245, 235)
_RED: Colour = (30, 30, 200)
_PURE_ELECTRIC, _HYBRID = "DABCE", "FGHJK"


def _row(starts: tuple[float, ...], width: float) -> tuple[Cell, ...]:
    return tuple((start, 25.0, 45.0 if index == 0 else width, 90.0) for index, start in enumerate(starts))


def _two_rows(scale: float, left: float, top: float) -> tuple[Cell, ...]:
    """The rear plate of lorries, shrunk by a factor and moved."""
    upper = [(110.0, 15.0, 80.0, 60.0), (250.0, 15.0, 80.0, 60.0)]
    lower = [(27.5 + 80.0 * i, 90.0, 65.0, 110.0) for i in range(5)]
    return tuple((left + x * scale, top + y * scale, w * scale, h * scale) for x, y, w, h in upper + lower)


_SEVEN = _row((15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5), 45.0)
_EIGHT = _row((15.5, 69.5, 161.5, 213.5, 265.5, 317.5, 369.5, 421.5), 43.0)
_ARMED = _row((15.5, 62.5, 114.0, 172.0, 224.0, 276.0, 328.0, 380.0), 43.0)
_EMBASSY = _row((15.5, 72.5, 129.5, 186.5, 265.5, 322.5, 379.5), 45.0)
_LORRY = _two_rows(1.0, 0.0, 0.0)
_MOTORCYCLE = _two_rows(0.5, 0.0, 14.0)
_TWO_ROW_STYLES = ("220", "220_up") + ("220_down",) * 5


def _dot(x: float, y: float, often: float = 0.85) -> Mark:
    return Mark("dot", (x - 5, y - 5, 10.0, 10.0), often=often)


_DOT = (_dot(134.5, 70.0),)
_WIDE: tuple[int, int] = (440, 140)
_LONG: tuple[int, int] = (480, 140)
_HIGH: tuple[int, int] = (440, 220)

_TYPES = (
    Layout("blue", _WIDE, _SEVEN, _BLUE, _WHITE, marks=_DOT),
    Layout("yellow", _WIDE, _SEVEN, _YELLOW, _BLACK, marks=_DOT),
    Layout("coach", _WIDE, _SEVEN, _YELLOW, _BLACK, marks=_DOT),
    Layout("police", _WIDE, _SEVEN, _WHITE, _BLACK, marks=_DOT, tints=((6, _RED),)),
    Layout("military", _WIDE, _SEVEN, _WHITE, _BLACK, marks=_DOT, tints=((0, _RED), (1, _RED))),
    Layout("armed-police", _WIDE, _ARMED, _WHITE, _BLACK, tints=((0, _RED), (1, _RED), (2, _RED))),
    Layout("border", _WIDE, _SEVEN, _BLACK, _WHITE, marks=_DOT),
    Layout("embassy", _WIDE, _EMBASSY, _BLACK, _WHITE, marks=(_dot(248.0, 70.0),)),
    Layout("consulate", _WIDE, _SEVEN, _BLACK, _WHITE, marks=_DOT),
    Layout("green", _LONG, _EIGHT, _GREEN, _BLACK, style="green", fade=_PALE),
    Layout("green-large", _LONG, _EIGHT, _GREEN, _BLACK, style="green", marks=(Mark("bar", (0, 0, 140, 140), _YELLOW),)),
    Layout("two-row", _HIGH, _LORRY, _YELLOW, _BLACK, styles=_TWO_ROW_STYLES, marks=(_dot(220, 45),)),
    Layout("two-row-blue", _HIGH, _LORRY, _BLUE, _WHITE, styles=_TWO_ROW_STYLES, marks=(_dot(220, 45),)),
    Layout("trailer", _HIGH, _LORRY, _YELLOW, _BLACK, styles=_TWO_ROW_STYLES, marks=(_dot(220, 45),)),
    Layout("police-two-row", _HIGH, _LORRY, _WHITE, _BLACK, styles=_TWO_ROW_STYLES, marks=(_dot(220, 45),), tints=((6, _RED),)),
    Layout("motorcycle", (220, 140), _MOTORCYCLE, _YELLOW, _BLACK, styles=_TWO_ROW_STYLES),
    Layout("motorcycle-blue", (220, 140), _MOTORCYCLE, _BLUE, _WHITE, styles=_TWO_ROW_STYLES),
)

CHINESE = {layout.name: replace(layout, shrunk=0.45) for layout in _TYPES}
"""Every type by name; half the public crops of Chinese plates are kept at 94x24 pixels."""


@dataclass(frozen=True)
class _Kind:
    share: float
    text: Callable[[str, Generator], str]


def draw_chinese(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A random plate of a random type; provinces are equally likely, so that none is rare in training (ours)."""
    kind = weighted({name: each.share for name, each in _KINDS.items()}, rng)
    return _KINDS[kind].text(plate_format.alphabet[:_PROVINCES], rng), CHINESE[kind]


def _head(provinces: str, rng: Generator) -> str:
    """Province and authority; A is the capital's letter and by far the most common on the road."""
    letter = "A" if rng.random() < 0.15 else one_of(LETTERS_WITHOUT_IO, rng)
    return one_of(provinces, rng) + letter


def _serial(length: int, rng: Generator) -> str:
    share = 0.0 if rng.random() < 0.25 else 0.35  # many plates still have digits alone
    return "".join(one_of(LETTERS_WITHOUT_IO if chance < share else DIGITS, rng) for chance in rng.random(length))


def _plain(provinces: str, rng: Generator) -> str:
    return _head(provinces, rng) + _serial(5, rng)


def _ending(last: str) -> Callable[[str, Generator], str]:
    return lambda provinces, rng: _head(provinces, rng) + _serial(4, rng) + one_of(last, rng)


def _border_text(provinces: str, rng: Generator) -> str:
    """Cars of Hong Kong and Macau in the mainland, 粤Z in reality; other provinces teach the characters apart."""
    head = "粤Z" if rng.random() < 0.5 else _head(provinces, rng)
    return head + _serial(4, rng) + one_of("港澳", rng)


def _embassy_text(_provinces: str, rng: Generator) -> str:
    digits = some_of(DIGITS, 6, rng)
    return "使" + digits if rng.random() < 0.7 else digits + "使"


def _military_text(_provinces: str, rng: Generator) -> str:
    return some_of(LETTERS_WITHOUT_IO, 2, rng) + some_of(DIGITS, 5, rng)


def _armed_police_text(provinces: str, rng: Generator) -> str:
    last = one_of("XBTSHJD" + DIGITS, rng)
    return "WJ" + one_of(provinces, rng) + some_of(DIGITS, 4, rng) + last


def _new_energy(provinces: str, rng: Generator) -> str:
    """Small cars: the letter of the drive first, perhaps a second letter, then digits."""
    second = one_of(LETTERS_WITHOUT_IO if rng.random() < 0.35 else DIGITS, rng)
    return _head(provinces, rng) + one_of(_PURE_ELECTRIC + _HYBRID, rng) + second + some_of(DIGITS, 4, rng)


def _new_energy_large(provinces: str, rng: Generator) -> str:
    """Lorries and buses: the letter of the drive last."""
    return _head(provinces, rng) + some_of(DIGITS, 5, rng) + one_of(_PURE_ELECTRIC + _HYBRID, rng)


_KINDS = {
    "blue": _Kind(0.545, _plain),
    "yellow": _Kind(0.08, _plain),
    "coach": _Kind(0.025, _ending("学")),
    "police": _Kind(0.03, _ending("警")),
    "military": _Kind(0.008, _military_text),
    "armed-police": _Kind(0.007, _armed_police_text),
    "border": _Kind(0.025, _border_text),
    "embassy": _Kind(0.01, _embassy_text),
    "consulate": _Kind(0.015, _ending("领使")),
    "green": _Kind(0.105, _new_energy),
    "green-large": _Kind(0.035, _new_energy_large),
    "two-row": _Kind(0.06, _plain),
    "two-row-blue": _Kind(0.005, _plain),
    "trailer": _Kind(0.025, _ending("挂")),
    "police-two-row": _Kind(0.005, _ending("警")),
    "motorcycle": _Kind(0.015, _plain),
    "motorcycle-blue": _Kind(0.005, _plain),
}
