"""What the harness itself costs: it times a stand-in for a network whose time is known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from edgelpr.benchmarks.bench.clock import Clock
from edgelpr.benchmarks.bench.sampling import Limit, take

MODEL_NANOSECONDS = 500_000
"""Half a millisecond, as a small network takes."""

MOST_SHARE = 0.02
"""That the harness may add."""

_ROTATION = 64


@dataclass(frozen=True)
class Overhead:
    """Shares of the stand-in's time, medians; it is exact to the clock's own step."""

    samples: int
    """Taken."""

    model_ms: float
    """What the stand-in takes."""

    latency_share: float
    """By how much a sample is longer than it should be."""

    loop_share: float
    """By how much it is longer from one call to the next: what lies between two samples counts too."""

    @property
    def passed(self) -> bool:
        """Whether both are at most 2 %."""
        return max(self.latency_share, self.loop_share) <= MOST_SHARE


def measure_overhead(clock: Clock, samples: int = 2000, model_nanoseconds: int = MODEL_NANOSECONDS) -> Overhead:
    """Time something that spins until the clock has gone on by a known time, through the same code as every other figure.

    Args:
        clock: what times are read from.
        samples: how many.
        model_nanoseconds: what the stand-in takes.
    """
    ticks = clock.ticks

    starts: list[int] = []

    def spin(item: int) -> None:
        starts.append(ticks())
        end = starts[-1] + model_nanoseconds
        while ticks() < end:
            pass

    taken = take(spin, range(_ROTATION), clock, Limit(float("inf"), samples, most=samples), lambda share: None)
    latency = median(taken.samples) / model_nanoseconds - 1
    between = median(after - before for before, after in pairwise(starts)) / model_nanoseconds - 1
    return Overhead(samples, model_nanoseconds / 1e6, round(latency, 5), round(between, 5))
