"""The figures of two runs as ratios, each with what its samples support."""

from __future__ import annotations

from edgelpr.benchmarks.bench.bootstrap import Ratio, bootstrap_ratio, mean, percentile
from edgelpr.benchmarks.bench.ranks import rank_ratio
from edgelpr.benchmarks.bench.run import Run

NEEDED = 64
"""Samples on both sides that resampling needs, as many as a p90.

In a simulation of equal log-normal times, 400 pairs of runs of n samples, 95 % intervals missed the truth, for median and mean:
at n = 5 8 and 19 %, at 10 8 and 10 %, at 30 6 and 9 %, at 64 6 and 6 %. Of neighbours with a correlation of 0.5, the mean: 37 %
at 5, 18 % at 30, 12 % at 64: blocks help only where there are many.
"""


def ratios_of(first: Run, second: Run) -> dict[str, Ratio]:
    """How many times as fast the second is, by the name of the figure: ``median``, ``p90``, ``throughput``.

    Of fewer samples than ``NEEDED`` the median has an interval by ranks, the throughput none. Throughput is that of all
    samples, so its ratio is that of means a plate.
    """
    one, other = first.samples_ns, second.samples_ns
    if _few(first, second):
        found = {"median": rank_ratio(one, other), "throughput": _plain(one, other)}
    else:
        found = {"median": bootstrap_ratio(one, other, percentile(50))}
        if first.summary.p90_ms is not None and second.summary.p90_ms is not None:
            found["p90"] = bootstrap_ratio(one, other, percentile(90))
        found["throughput"] = bootstrap_ratio(one, other, mean)
    return {name: ratio.scaled(_plates(first, second)) for name, ratio in found.items()}


def at_most(first: Run, second: Run, ratio: Ratio, tail: float) -> float | None:
    """The bound that a ratio of ``ratios_of`` exceeds with this chance only; None where the samples are too few to tell.

    Args:
        first: what is compared with.
        second: what is compared.
        ratio: of ``median`` where there are few samples.
        tail: the chance, above 0.
    """
    if not _few(first, second):
        return ratio.at_most(tail)
    return rank_ratio(first.samples_ns, second.samples_ns, tail).scaled(_plates(first, second)).high


def _few(*runs: Run) -> bool:
    return min(len(run.samples_ns) for run in runs) < NEEDED


def _plain(one: tuple[int, ...], other: tuple[int, ...]) -> Ratio:
    return Ratio((sum(one) / len(one)) / (sum(other) / len(other)), None, None)


def _plates(first: Run, second: Run) -> float:
    """Plates a sample of the second, for one of the first."""
    return (second.plates / len(second.samples_ns)) / (first.plates / len(first.samples_ns))
