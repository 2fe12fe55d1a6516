"""Confidence intervals by drawing tracks, or the crops that they were made from, again."""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from edgelpr.training.paired import PairedCounts, mcnemar

Doubles = NDArray[np.float64]

RESAMPLES = 2000
_TAIL = 2.5


class Resampler:
    """The same draws for every figure of a set (cluster bootstrap, percentile intervals).

    Args:
        clusters: (N,) which tracks belong together; whole clusters are drawn.
        resamples: how often.
        seed: of the draws.
    """

    def __init__(self, clusters: NDArray[np.int64], resamples: int = RESAMPLES, seed: int = 0) -> None:
        names, self._cluster = np.unique(clusters, return_inverse=True)
        self._count = len(names)
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(self._count, np.full(self._count, 1 / self._count), size=resamples)
        self._times = drawn.astype(np.float64)  # (resamples, clusters)

    def interval(self, values: NDArray[np.generic]) -> tuple[float, float]:
        """95 % interval of the mean of (N,) values."""
        sums = np.bincount(self._cluster, weights=values.astype(np.float64), minlength=self._count)
        sizes = np.bincount(self._cluster, minlength=self._count)
        return percentiles((self._times @ sums) / (self._times @ sizes))

    def weights(self, row: int) -> Doubles:
        """(N,) how often each track is drawn in one resample."""
        return np.asarray(self._times[row][self._cluster])


def percentiles(drawn: Doubles) -> tuple[float, float]:
    """The middle 95 % of what was drawn."""
    low, high = np.percentile(drawn, (_TAIL, 100 - _TAIL))
    return float(low), float(high)


def paired_p(first: Doubles, second: Doubles, clusters: NDArray[np.int64]) -> float | None:
    """Probability of a difference at least this large between readers that are equally good.

    McNemar's exact test where every track stands for itself. Where several come from one crop, its form for clusters, a sum
    over crops of their mean difference over its root of squares (Durkalski et al., Statistics in Medicine 22, 2003, "Analysis
    of clustered matched-pair data").

    Args:
        first: (N,) 1 where the first reader is right, 0 where it is wrong.
        second: the same of the second.
        clusters: (N,) which tracks belong together.

    Returns:
        None where a value is neither 0 nor 1: the test is of single readings.
    """
    if not all(np.isin(values, (0, 1)).all() for values in (first, second)):
        return None
    if len(np.unique(clusters)) == len(clusters):
        pairs = [int(np.sum((first == one) & (second == other))) for one, other in ((1, 1), (1, 0), (0, 1), (0, 0))]
        return mcnemar(PairedCounts(*pairs)).exact
    _, cluster = np.unique(clusters, return_inverse=True)
    means = np.bincount(cluster, weights=second - first) / np.bincount(cluster)
    spread = sqrt(float((means**2).sum()))
    return 1.0 if spread == 0 else erfc(abs(float(means.sum())) / spread / sqrt(2))
