"""How well a figure tells good tracks from bad ones: the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.resampling import percentiles

Doubles = NDArray[np.float64]

_RESAMPLES = 1000


def auroc(good: Doubles, bad: Doubles) -> float:
    """Probability that a good track has a higher figure than a bad one; a tie counts half (Mann and Whitney).

    Args:
        good: (N,), at least one.
        bad: (M,), at least one.

    Returns:
        0 to 1; 0.5 tells nothing.
    """
    ordered = np.sort(bad)
    below, up_to = np.searchsorted(ordered, good, "left"), np.searchsorted(ordered, good, "right")
    return float((below + up_to).mean() / (2 * len(bad)))


def tell_apart(good: Doubles, bad: Doubles, clusters: NDArray[np.int64], seed: int = 0) -> dict[str, Any]:
    """The area, with a 95 % bootstrap interval; both were made from the same plates, which are drawn together.

    Args:
        good: (N,) figures of good tracks.
        bad: (N,) of the tracks that were made from these.
        clusters: (N,) which tracks were made from one crop; whole crops are drawn.
        seed: of the draws.
    """
    names, cluster = np.unique(clusters, return_inverse=True)
    members = [np.flatnonzero(cluster == name) for name in range(len(names))]
    draws = np.random.default_rng(seed).integers(0, len(names), (_RESAMPLES, len(names)))
    rows = (np.concatenate([members[name] for name in draw]) for draw in draws.tolist())
    drawn = np.array([auroc(good[row], bad[row]) for row in rows])
    return {"auroc": auroc(good, bad), "interval": list(percentiles(drawn))}
