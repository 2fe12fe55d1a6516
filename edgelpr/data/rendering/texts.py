"""Random plate texts and the layouts they belong to."""

from __future__ import annotations

from numpy.random import Generator

from edgelpr.data.rendering.layouts import CHINESE, Layout, generic_layout
from edgelpr.plates.format import PlateFormat

_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_NEW_ENERGY = "DABCEFGHJK"
_PROVINCES = 31

_KINDS = ("blue", "yellow", "green", "white", "black")
_KIND_SHARES = (0.62, 0.13, 0.15, 0.05, 0.05)


def draw(plate_format: PlateFormat, rng: Generator) -> tuple[str, Layout]:
    """A random plate of a format and its layout.

    Chinese types follow their own grammar; any other format draws each position from its pattern, or from the alphabet.
    """
    if plate_format.name == "cn":
        kind = str(rng.choice(_KINDS, p=_KIND_SHARES))
        return _chinese(kind, plate_format.alphabet[:_PROVINCES], rng), CHINESE[kind]
    longest = plate_format.positions
    length = int(rng.integers(max(1, longest - 3), longest + 1)) if plate_format.void else longest
    allowed = plate_format.pattern or (plate_format.alphabet,) * longest
    text = "".join(_one(allowed[index], rng) for index in range(length))
    return text, generic_layout(length, plate_format.rows, bool(rng.random() < 0.4))


def _chinese(kind: str, provinces: str, rng: Generator) -> str:
    head = _one(provinces, rng) + _one(_LETTERS, rng)
    if kind == "green":
        return head + _new_energy(rng)
    tail = _serial(5, rng)
    if kind == "white":
        return head + tail[:4] + "警"
    if kind == "black":
        return head + tail[:4] + _one("使领港澳", rng) if rng.random() < 0.6 else head + tail
    if kind == "yellow" and rng.random() < 0.3:
        return head + tail[:4] + _one("学挂", rng)
    return head + tail


def _new_energy(rng: Generator) -> str:
    letter, digits = _one(_NEW_ENERGY, rng), _serial(5, rng, letters=0.0)
    if rng.random() < 0.3:
        return digits + letter
    second = _one(_LETTERS, rng) if rng.random() < 0.3 else digits[0]
    return letter + second + digits[1:]


def _serial(length: int, rng: Generator, letters: float = 0.3) -> str:
    return "".join(_one(_LETTERS if chance < letters else _DIGITS, rng) for chance in rng.random(length))


def _one(choices: str, rng: Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
