"""Small random choices that the layouts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from numpy.random import Generator

DIGITS = "0123456789"
"""All digits."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""All Latin capital letters."""

LETTERS_WITHOUT_IO = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Those that cannot be taken for a digit, as China and Taiwan use them."""

_T = TypeVar("_T")


def one_of(choices: str, rng: Generator) -> str:
    """One character of a text."""
    return choices[int(rng.integers(len(choices)))]


def some_of(choices: str, count: int, rng: Generator) -> str:
    """``count`` characters of a text, repeats allowed."""
    return "".join(one_of(choices, rng) for _ in range(count))


def weighted(shares: Mapping[_T, float], rng: Generator) -> _T:
    """A key, by its share; shares need not sum to 1."""
    names, weights = list(shares), list(shares.values())
    at = rng.random() * sum(weights)
    for name, weight in zip(names, weights):
        at -= weight
        if at < 0:
            return name
    return names[-1]
