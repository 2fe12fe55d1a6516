"""Confidence intervals of ratios by resampling, for samples that follow one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp
from statistics import NormalDist

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Samples = NDArray[np.float64]
"""Times in the order taken; of ``Statistic`` (resamples, count)."""

Statistic = Callable[[Samples], NDArray[np.float64]]
"""From (resamples, count) to one value a row."""

_MOST, _FEWEST = 2000, 200
_WORK = 20_000_000
_AT_ONCE = 4_000_000

TAIL = 0.025
"""Chance on each side of a 95 % interval."""


@dataclass(frozen=True)
class Ratio:
    """How many times as fast the second is; above 1 it is faster."""

    value: float
    """Of the samples as they are."""

    low: float | None
    """Of the 95 % interval; None where there are too few samples for one."""

    high: float | None
    """Of the 95 % interval; None where there are too few samples for one."""

    deviation: float | None = None
    """Standard deviation of its logarithm among resamples; None where nothing was resampled."""

    def scaled(self, factor: float) -> Ratio:
        """The same times a number, to four decimals."""
        low, high = (None if each is None else round(factor * each, 4) for each in (self.low, self.high))
        return replace(self, value=round(factor * self.value, 4), low=low, high=high)

    def at_most(self, tail: float) -> float | None:
        """The bound that the ratio exceeds with this chance only, by the normal distribution of its logarithm.

        Resamples are too few to show a chance much smaller than that of the 95 % interval.

        Args:
            tail: the chance, above 0.
        """
        if self.deviation is None:
            return None
        return self.value * exp(NormalDist().inv_cdf(1 - tail) * self.deviation)


def bootstrap_ratio(first: Sequence[int], second: Sequence[int], statistic: Statistic, seed: int = 0) -> Ratio:
    """The ratio of a statistic of the first over that of the second, with a 95 % percentile interval.

    Neighbouring samples are alike (clocks, temperature, other processes), so blocks of them are drawn, as long as the cube root
    of their number, wrapped around at the end (circular block bootstrap). 2000 resamples, fewer of very many samples. Of few
    samples the interval is too short: see ``ratios.NEEDED``.

    Args:
        first: nanoseconds, above 0.
        second: nanoseconds, above 0.
        statistic: of times, the smaller the faster.
        seed: of the draws; the same gives the same interval.
    """
    rng = np.random.default_rng(seed)
    sides = [np.asarray(side, dtype=np.float64) for side in (first, second)]
    count = max(_FEWEST, min(_MOST, _WORK // sum(map(len, sides))))
    value = statistic(sides[0][None])[0] / statistic(sides[1][None])[0]
    drawn = _resampled(sides[0], statistic, count, rng) / _resampled(sides[1], statistic, count, rng)
    low, high = np.percentile(drawn, (100 * TAIL, 100 - 100 * TAIL))
    return Ratio(float(value), float(low), float(high), float(np.log(drawn).std()))


def percentile(percent: float) -> Statistic:
    """The statistic of that name."""
    return lambda samples: np.asarray(np.percentile(samples, percent, axis=1), dtype=np.float64)


def mean(samples: Samples) -> NDArray[np.float64]:
    """The mean of every row."""
    return np.asarray(samples.mean(axis=1), dtype=np.float64)


def _resampled(samples: Samples, statistic: Statistic, count: int, rng: Generator) -> NDArray[np.float64]:
    length = len(samples)
    block = max(1, round(length ** (1 / 3)))
    blocks = -(-length // block)
    rows = max(1, _AT_ONCE // length)
    values = []
    for done in range(0, count, rows):
        starts = rng.integers(0, length, (min(rows, count - done), blocks, 1))
        places = (starts + np.arange(block)).reshape(len(starts), -1)[:, :length] % length
        values.append(statistic(samples[places]))
    return np.concatenate(values)
