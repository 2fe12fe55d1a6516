"""Taking some of many, evenly and the same way on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def spread_indices(count: int, most: int) -> NDArray[np.intp]:
    """At most ``most`` of ``count`` indices, spread evenly from the first to the last, each once."""
    places: NDArray[np.intp] = np.linspace(0, count - 1, min(most, count)).round().astype(np.intp)
    return places


def sample_evenly(count: int, most: int, seed: int, take: Callable[[int], bool]) -> None:
    """Offer indices until ``most`` of them are taken: one from each of ``most`` equal strata, then from what is left.

    An index that is not taken is replaced by another of its stratum, so that folders stay in proportion; only when a
    whole stratum is of no use do others stand in for it.

    Args:
        count: how many there are, in an order in which neighbours are alike (by path).
        most: how many to take, at least 1; all that are of use where there are fewer.
        seed: decides which; the same on every machine.
        take: called with an index from 0 to ``count`` - 1, each at most once; tells whether it counts.
    """
    chance = random.Random(seed)
    parts = min(most, count)
    untried: list[int] = []
    taken = 0
    for part in range(parts):
        stratum = list(range(count * part // parts, count * (part + 1) // parts))
        chance.shuffle(stratum)
        found = False
        while stratum and not found:
            found = take(stratum.pop())
        taken += found
        untried += stratum
    chance.shuffle(untried)
    while untried and taken < parts:
        taken += take(untried.pop())
