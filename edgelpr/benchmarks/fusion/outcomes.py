"""Shares of plates read right, with intervals, and the differences between two readers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.resampling import Resampler, paired_p
from edgelpr.training.statistics import wilson_interval

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Right:
    """What one reader got right of N tracks, each value 0 to 1 (a share where it read several times)."""

    whole: Doubles
    """(N,) the whole plate."""

    without_first: Doubles
    """(N,) all but the first character, which is Chinese on Chinese plates."""


def right(read: NDArray[np.integer[Any]], true: NDArray[np.integer[Any]]) -> Right:
    """Hold readings against the truth.

    Args:
        read: (N, P) classes, or (N, K, P) where each of K readings counts 1/K.
        true: (N, P) classes.
    """
    several = read if read.ndim == 3 else read[:, None]
    same = several == true[:, None]
    return Right(same.all(-1).mean(1), same[..., 1:].all(-1).mean(1))


@dataclass(frozen=True, eq=False)
class Judge:
    """Makes figures of one set of tracks."""

    clusters: NDArray[np.int64]
    """(N,) which tracks belong together."""

    resampler: Resampler = field(init=False)
    """Draws whole clusters."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "resampler", Resampler(self.clusters))

    def shares(self, found: Right) -> dict[str, Any]:
        """Accuracies with their 95 % intervals: Wilson's where every track stands for itself, else the bootstrap's."""
        whole, without = ({"accuracy": float(values.mean()), "interval": self._interval(values)} for values in _both(found))
        return {**whole, "without_first": without}

    def against(self, best: Right, found: Right) -> dict[str, Any]:
        """How much better the first is: differences, their 95 % bootstrap intervals, and the paired test's probability."""
        whole, without = (self._difference(*pair) for pair in zip(_both(best), _both(found)))
        return {**whole, "without_first": without}

    def _interval(self, values: Doubles) -> list[float]:
        independent = len(np.unique(self.clusters)) == len(self.clusters)
        if independent and np.isin(values, (0, 1)).all():
            return list(wilson_interval(int(values.sum()), len(values)))
        return list(self.resampler.interval(values))

    def _difference(self, best: Doubles, found: Doubles) -> dict[str, Any]:
        difference = best - found
        p_value = paired_p(found, best, self.clusters)
        return {
            "difference": float(difference.mean()),
            "interval": list(self.resampler.interval(difference)),
            "p_value": p_value,
        }


def _both(found: Right) -> tuple[Doubles, Doubles]:
    return found.whole, found.without_first
