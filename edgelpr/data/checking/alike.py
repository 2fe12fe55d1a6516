"""Pictures that look alike, without comparing each with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

NEAR = 6
"""Bits of 64 in which two hashes may differ and still count as the same picture taken, cut or stored anew (ours)."""

_BITS = 64
_BANDS = NEAR + 1  # two hashes that differ in at most NEAR bits agree in one of NEAR + 1 bands


def groups_alike(hashes: Sequence[int]) -> list[list[int]]:
    """Groups of two or more hashes of which each is near another of its group.

    Only hashes that agree in a band of some nine bits are compared, each value once.

    Args:
        hashes: 64 bits each; the same value may come more than once.

    Returns:
        Indices into ``hashes``, ascending in each group; groups by their first index.
    """
    places: dict[int, list[int]] = defaultdict(list)
    for index, value in enumerate(hashes):
        places[value].append(index)
    joined = _Joined(list(places))
    for bucket in _buckets(places):
        for number, value in enumerate(bucket):
            for other in bucket[:number]:
                if (value ^ other).bit_count() <= NEAR:
                    joined.join(value, other)
    groups: dict[int, list[int]] = defaultdict(list)
    for value, indices in places.items():
        groups[joined.root(value)] += indices
    return sorted((sorted(group) for group in groups.values() if len(group) > 1), key=lambda group: group[0])


def joined(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of the indices that pairs connect, ascending in each group; groups by their first index."""
    pairs = list(pairs)
    indices = sorted({index for pair in pairs for index in pair})
    together = _Joined(indices)
    for one, other in pairs:
        together.join(one, other)
    groups: dict[int, list[int]] = defaultdict(list)
    for index in indices:
        groups[together.root(index)].append(index)
    return sorted(groups.values())


class _Joined:
    """Values that belong together (union-find)."""

    def __init__(self, values: Sequence[int]) -> None:
        self._above = {value: value for value in values}

    def root(self, value: int) -> int:
        while self._above[value] != value:
            self._above[value] = value = self._above[self._above[value]]
        return value

    def join(self, one: int, other: int) -> None:
        self._above[self.root(one)] = self.root(other)


def _buckets(values: dict[int, list[int]]) -> list[list[int]]:
    buckets: dict[tuple[int, int], list[int]] = defaultdict(list)
    edges = [_BITS * band // _BANDS for band in range(_BANDS + 1)]
    for value in values:
        for low, high in pairwise(edges):
            buckets[low, (value >> low) & ((1 << (high - low)) - 1)].append(value)
    return [bucket for bucket in buckets.values() if len(bucket) > 1]
