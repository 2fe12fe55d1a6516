"""Figures from samples, and only those that the number of samples supports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.timing import Seconds

NEEDED_P90 = 64
"""Samples that a p90 needs, with 99 % confidence."""

NEEDED_P99 = 662
"""Samples that a p99 needs."""

STEADY = 0.025
"""Coefficient of variation up to which samples can be trusted on their own; trtexec warns above it."""


@dataclass(frozen=True)
class Summary:
    """Latency of one thing in milliseconds; None where there are too few samples (99 % confidence)."""

    samples: int
    """How many calls were timed; no outlier is dropped."""

    p50: float
    """Median."""

    p90: float | None
    """Needs 64 samples."""

    p99: float | None
    """Needs 662 samples."""

    variation: float
    """Coefficient of variation, 0 upwards; above 0.025 the machine was not steady."""

    @property
    def steady(self) -> bool:
        """Whether the samples vary little enough to be trusted on their own; ratios are taken from medians."""
        return self.variation <= STEADY


def summarize(samples: Seconds) -> Summary:
    """Median and percentiles of durations given in seconds."""
    variation = float(samples.std() / samples.mean())
    return Summary(len(samples), *percentiles(samples * 1e3, 4), round(variation, 4))


def percentiles(times: NDArray[np.float64], digits: int) -> tuple[float, float | None, float | None]:
    """p50, p90 and p99, rounded; None for those that take more samples than there are."""
    p50, p90, p99 = (round(float(value), digits) for value in np.percentile(times, (50, 90, 99)))
    return p50, p90 if len(times) >= NEEDED_P90 else None, p99 if len(times) >= NEEDED_P99 else None
