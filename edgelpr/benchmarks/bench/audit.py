"""The cache audit: whether reading one crop again and again is flattered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from edgelpr.benchmarks.bench.clock import Clock
from edgelpr.benchmarks.bench.run import CacheAudit

MOST_GAIN = 0.1
"""By which share repeating one crop may be faster."""

_CROPS = 8
_REPEATS = 12


def audit_cache(call: Callable[[Any], object], items: Sequence[Any], clock: Clock) -> CacheAudit:
    """Time the same crops twice: each repeated, and in rotation with the others.

    Crops of different sizes take different times, so both sides read the same ones equally often, and medians are taken a crop.

    Args:
        call: what is timed, warm.
        items: at least two.
        clock: what times are read from.
    """
    some = items[:_CROPS]
    repeated: list[list[int]] = [[] for _ in some]
    rotated: list[list[int]] = [[] for _ in some]
    for number, item in enumerate(some):
        call(item)  # not timed: this one still comes after another crop
        repeated[number] = [_time(call, item, clock) for _ in range(_REPEATS)]
        for other, each in enumerate(some):  # in turn, so that both sides meet the same machine
            rotated[other].append(_time(call, each, clock))
    for _ in range(_REPEATS - len(some)):
        for other, each in enumerate(some):
            rotated[other].append(_time(call, each, clock))
    once, round_trip = (sum(median(times) for times in side) / len(some) / 1e6 for side in (repeated, rotated))
    gain = 0.0 if round_trip == 0 else 1 - once / round_trip
    return CacheAudit(round(once, 6), round(round_trip, 6), round(gain, 4))


def _time(call: Callable[[Any], object], item: Any, clock: Clock) -> int:
    start = clock.ticks()
    call(item)
    return clock.ticks() - start
