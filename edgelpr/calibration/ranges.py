"""From the values of a tensor to the range that is quantised."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgelpr.calibration.entropy import asymmetric_limits, symmetric_limit
from edgelpr.calibration.histograms import Histogram
from edgelpr.calibration.observing import Observations
from edgelpr.errors import CalibrationError, UsageError
from edgelpr.types import RangeMethod

PERCENTILE = 99.99
"""Of the method ``percentile``: how many of a tensor's values, zeros included, lie within the range, in per cent."""


@dataclass(frozen=True)
class Range:
    """What is quantised of a tensor; values outside are clipped to it.

    Raises:
        CalibrationError: not finite, or without zero, which padding and ReLU need exactly.
    """

    low: float
    """Lower end, at most 0."""

    high: float
    """Upper end, at least 0."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= 0 <= self.high):
            raise CalibrationError(f"range {self.low} to {self.high}: expected two finite numbers with zero between them")

    @property
    def magnitude(self) -> float:
        """Largest absolute value: what symmetric quantisation divides by 127. 0 for a tensor that is always zero."""
        return max(-self.low, self.high)


def ranges_of(
    observations: Observations, method: RangeMethod, *, symmetric: bool, percentile: float = PERCENTILE
) -> dict[str, Range]:
    """The range of every tensor; always within the smallest and the largest value (or zero), and always with zero in it.

    - ``min-max``: everything that was seen.
    - ``percentile``: symmetric, that share of the magnitudes; otherwise each end may lose half of the rest. Edges are
      interpolated within a bin.
    - ``entropy``: see ``edgelpr.calibration.entropy``.

    Args:
        observations: what was seen.
        method: how to choose.
        symmetric: whether the range serves symmetric int8, where its magnitude counts, or uint8, where both ends do.
        percentile: of the method ``percentile``, above 50, at most 100.

    Raises:
        UsageError: a percentile out of its bounds.
    """
    if not 50 < percentile <= 100:
        raise UsageError(f"percentile is {percentile}; expected more than 50 and at most 100, for example {PERCENTILE}")
    known: dict[int, Range] = {}  # tensors of the same values share a histogram
    for histogram in observations.tensors.values():
        if id(histogram) not in known:
            known[id(histogram)] = _range(histogram, method, symmetric, percentile)
    return {name: known[id(histogram)] for name, histogram in observations.tensors.items()}


def _range(histogram: Histogram, method: RangeMethod, symmetric: bool, percentile: float) -> Range:
    low, high = histogram.low, histogram.high
    if method != "min-max" and histogram.width:
        lower, upper = (
            _by_percentile(histogram, symmetric, percentile) if method == "percentile" else _by_entropy(histogram, symmetric)
        )
        low, high = max(low, lower), min(high, upper)
    return Range(min(low, 0.0), max(high, 0.0))


def _by_entropy(histogram: Histogram, symmetric: bool) -> tuple[float, float]:
    if not symmetric:
        return asymmetric_limits(histogram)
    limit = symmetric_limit(histogram)
    return -limit, limit


def _by_percentile(histogram: Histogram, symmetric: bool, percentile: float) -> tuple[float, float]:
    outside = (1 - percentile / 100) * (int(histogram.counts.sum()) + histogram.zeros)
    if symmetric:
        limit = _edge(histogram.magnitudes, outside) * histogram.width
        return -limit, limit
    negative, positive = histogram.counts[: histogram.below][::-1], histogram.counts[histogram.below :]
    return -_edge(negative, outside / 2) * histogram.width, _edge(positive, outside / 2) * histogram.width


def _edge(counts: NDArray[np.int64], outside: float) -> float:
    """How many bins from zero, with a fraction, leave this many values beyond; 0 when fewer than that exist."""
    beyond = np.append(np.cumsum(counts[::-1])[::-1], 0)  # beyond[k]: values in bin k and above it
    if beyond[0] <= outside:
        return 0.0
    last = int(np.flatnonzero(beyond > outside)[-1])
    return last + float(beyond[last] - outside) / float(counts[last])
