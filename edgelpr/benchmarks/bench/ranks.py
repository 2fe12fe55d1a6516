"""Intervals of ratios from few samples, by ranks: exact where resampling is too sure of itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.bench.bootstrap import TAIL, Ratio

Times = NDArray[np.float64]
"""Nanoseconds in the order taken, (count,)."""

_EXACT = 64
_MOST_ALIKE = 0.9


def rank_ratio(first: Sequence[int], second: Sequence[int], tail: float = TAIL) -> Ratio:
    """The ratio of medians, with the interval of Hodges and Lehmann: the ratios that the rank test of Wilcoxon, Mann and
    Whitney does not refuse.

    It holds for any distribution, as long as the two sides differ by a factor only. Neighbours that are alike count for fewer
    samples, so it is widened by their correlation (ours). In simulations like those of ``ratios.NEEDED`` it missed the truth in
    2 to 5 % of independent samples and, with a correlation of 0.5, in 12 % at 5, 8 % at 20, 6 % at 63 (unwidened, 17 to 26 %).
    Where so few samples could not refuse any ratio (three against three), there is no interval: that depends on their number
    only, never on what they are, so that a gate does not open or close by chance.

    Source: Hodges and Lehmann, Estimates of location based on rank tests, section 5.

    Args:
        first: nanoseconds, above 0.
        second: nanoseconds, above 0.
        tail: chance on each side of the interval.
    """
    one, other = (np.asarray(side, dtype=np.float64) for side in (first, second))
    value = float(np.median(one) / np.median(other))
    left_out = _left_out(len(one), len(other), tail)
    if left_out < 1:
        return Ratio(value, None, None)
    middle = len(one) * len(other) / 2
    left_out = max(1, int(middle - (middle - left_out) * _widening(one, other)))
    ratios = np.sort((one[:, None] / other).ravel())
    return Ratio(value, min(value, float(ratios[left_out - 1])), max(value, float(ratios[-left_out])))


def _left_out(one: int, other: int, tail: float) -> int:
    """Which of the ordered ratios, counted from either end, bounds the interval; 0: none can."""
    if max(one, other) < _EXACT:
        return int(np.searchsorted(np.cumsum(_chances(one, other)), tail, side="right"))
    # Of one side alone many: the sum of ranks has shorter tails than the normal distribution, so that this is on the safe side.
    wide = NormalDist().inv_cdf(1 - tail) * sqrt(one * other * (one + other + 1) / 12)
    return max(0, int(one * other / 2 - wide))


def _widening(one: Times, other: Times) -> float:
    """How many times as wide as if no sample told anything of the next; 1 upwards."""
    alike = [(side, _correlation(side)) for side in (one, other)]
    spread = sum((1 + correlation) / (1 - correlation) / len(side) for side, correlation in alike)
    return sqrt(spread / (1 / len(one) + 1 / len(other)))


def _correlation(times: Times) -> float:
    """Of the ranks of neighbours, 0 to 0.9."""
    ranks = np.argsort(np.argsort(times, kind="stable"), kind="stable") - (len(times) - 1) / 2
    spread = float(ranks @ ranks)
    return min(max(float(ranks[1:] @ ranks[:-1]) / spread, 0.0), _MOST_ALIKE) if spread else 0.0


@lru_cache(maxsize=64)
def _chances(one: int, other: int) -> NDArray[np.float64]:
    """Chance of each number of pairs, 0 to ``one * other``, in which the first is the smaller, if nothing tells them apart."""
    size = one * other + 1
    start = np.zeros(size)
    start[0] = 1.0
    rows = [start] * (other + 1)
    for count in range(1, one + 1):
        for against in range(1, other + 1):
            # The largest of all is one of the first (smaller than nobody), or of the others (larger than all the first).
            share, moved = count / (count + against), np.zeros(size)
            moved[count:] = rows[against - 1][: size - count]
            rows[against] = share * rows[against] + (1 - share) * moved
    return rows[other]
