"""How well scores follow labels: linear and rank correlation, with intervals over tracks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.resampling import Resampler, percentiles

Doubles = NDArray[np.float64]

_RESAMPLES = 1000
_CELLS = 25


def correlate(
    scores: NDArray[np.floating[Any]], labels: NDArray[np.floating[Any]], clusters: NDArray[np.int64]
) -> dict[str, Any]:
    """LCC and SROCC (the paper's table 2) over all frames of all tracks; tracks, or their crops, are drawn again.

    Args:
        scores: (N, F), not all the same.
        labels: (N, F), likewise.
        clusters: (N,) which tracks belong together.

    Returns:
        ``lcc`` and ``srocc`` with their 95 % intervals, and how many frames lie in each cell of a square grid from 0 to 1.
    """
    one, other = (values.astype(np.float64).ravel() for values in (scores, labels))
    resampler, frames = Resampler(clusters, _RESAMPLES), scores.shape[1]
    ranks = [Ranks(values) for values in (one, other)]
    drawn = []
    for row in range(_RESAMPLES):
        weights = np.repeat(resampler.weights(row), frames)
        drawn.append((weighted_correlation(one, other, weights), _rank_correlation(ranks, weights)))
    linear, ranked = np.array(drawn).T
    even = np.ones_like(one)
    cells, _, _ = np.histogram2d(other, one, bins=_CELLS, range=((0, 1), (0, 1)))
    return {
        "frames": one.size,
        "lcc": weighted_correlation(one, other, even),
        "lcc_interval": list(percentiles(linear)),
        "srocc": _rank_correlation(ranks, even),
        "srocc_interval": list(percentiles(ranked)),
        "cells_by_label_and_score": cells.astype(int).tolist(),
    }


class Ranks:
    """Ranks of values some of which count several times: equal ones share the middle of theirs.

    Args:
        values: (M,).
    """

    def __init__(self, values: Doubles) -> None:
        _, self._place = np.unique(values, return_inverse=True)

    def weighted(self, weights: Doubles) -> Doubles:
        """(M,) ranks where each value stands as often as its weight says."""
        together = np.bincount(self._place, weights=weights)
        return np.asarray((np.cumsum(together) - together / 2)[self._place])


def weighted_correlation(one: Doubles, other: Doubles, weights: Doubles) -> float:
    """Pearson's, each pair counted as often as its weight says."""
    first, second = (values - np.average(values, weights=weights) for values in (one, other))
    spread = np.sqrt((weights * first**2).sum() * (weights * second**2).sum())
    return float((weights * first * second).sum() / spread)


def _rank_correlation(ranks: list[Ranks], weights: Doubles) -> float:
    return weighted_correlation(ranks[0].weighted(weights), ranks[1].weighted(weights), weights)
