"""Warming up until nothing changes any more: the steady state is looked for, not assumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from edgelpr.benchmarks.bench.clock import Clock, check_forwards
from edgelpr.benchmarks.bench.result import WarmUp

TOLERANCE = 0.05
"""By which share the medians of blocks may differ."""

BLOCKS = 3
"""That have to agree, one after the other."""

_LEAST_CALLS, _MOST_CALLS = 5, 100_000
_BLOCK_NANOSECONDS = 100_000_000


def warm_up(call: Callable[[Any], object], items: Sequence[Any], clock: Clock, bound: float) -> WarmUp:
    """Call until the medians of three blocks in a row lie within 5 % of each other.

    A block has at least five calls and lasts a tenth of a second.

    Clocks, caches and the threads of engines need different times to settle, so no fixed number of calls would do; five calls
    a block, since the median of fewer follows every hiccup.

    Args:
        call: what will be timed.
        items: what it is called with, in rotation.
        clock: what times are read from.
        bound: seconds after which a steady state is given up; the result then says so.

    Raises:
        DataError: the clock went back.
    """
    begin, calls = clock.ticks(), 0
    medians: list[float] = []
    while True:
        middle, taken, now = _block(call, items, clock, calls)
        medians.append(middle)
        calls += taken
        last = medians[-BLOCKS:]
        steady = len(last) == BLOCKS and max(last) - min(last) <= TOLERANCE * min(last)
        if steady or now - begin >= bound * 1e9:
            return WarmUp(calls, round((now - begin) / 1e9, 3), steady)


def _block(call: Callable[[Any], object], items: Sequence[Any], clock: Clock, number: int) -> tuple[float, int, int]:
    begin = clock.ticks()
    times: list[int] = []
    end = begin
    while len(times) < _LEAST_CALLS or (end - begin < _BLOCK_NANOSECONDS and len(times) < _MOST_CALLS):
        item = items[(number + len(times)) % len(items)]
        start = clock.ticks()
        call(item)
        end = clock.ticks()
        check_forwards(start, end)
        times.append(end - start)
    return median(times), len(times), end
