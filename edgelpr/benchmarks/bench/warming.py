"""Warming up until nothing changes any more: the steady state is looked for, not assumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from edgelpr.benchmarks.bench.clock import Clock
from edgelpr.benchmarks.bench.run import WarmUp
from edgelpr.benchmarks.bench.sampling import Limit, Taken, fill

TOLERANCE = 0.05
"""By which share the medians of blocks may differ."""

BLOCKS = 3
"""That have to agree, one after the other."""

_BLOCK = Limit(seconds=0.1, least=5, most=100_000)


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
        block = Taken()
        fill(block, call, items, clock, _BLOCK, first=calls)
        medians.append(median(block.samples))
        calls += len(block.samples)
        last, seconds = medians[-BLOCKS:], (clock.ticks() - begin) / 1e9
        steady = len(last) == BLOCKS and max(last) - min(last) <= TOLERANCE * min(last)
        if steady or seconds >= bound:
            return WarmUp(calls, round(seconds, 3), steady)
