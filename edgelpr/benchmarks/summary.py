"""Figures from samples, and only those that the number of samples supports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    count = len(samples)
    p50, p90, p99 = (float(value) * 1e3 for value in np.percentile(samples, (50, 90, 99)))
    variation = float(samples.std() / samples.mean())
    return Summary(
        count,
        round(p50, 4),
        round(p90, 4) if count >= NEEDED_P90 else None,
        round(p99, 4) if count >= NEEDED_P99 else None,
        round(variation, 4),
    )
