"""Batch sizes that an engine runs: few, so that all can be prepared, and a batch between two is filled up to the next."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


def batch_sizes(smallest: int, largest: int, usual: int | None = None) -> tuple[int, ...]:
    """The powers of two that an engine takes, its smallest and largest batch, and the one that is usually run; ascending.

    Args:
        smallest: fewest crops of a batch.
        largest: most crops of a batch.
        usual: a size that is to run without filling up, where the engine takes it.
    """
    wanted = [1 << power for power in range(largest.bit_length())] + ([] if usual is None else [usual])
    return tuple(sorted({smallest, largest, *(size for size in wanted if smallest <= size <= largest)}))


def filled_up(count: int, sizes: Sequence[int]) -> int:
    """The least of the ascending sizes that holds so many crops, at most the last of them."""
    return sizes[bisect_left(sizes, count)]
