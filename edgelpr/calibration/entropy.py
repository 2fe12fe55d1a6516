"""Ranges by relative entropy: clip where the quantised histogram tells least apart from the real one.

The idea is published: S. Migacz, "8-bit Inference with TensorRT", GTC 2017, for magnitudes and 128 levels. Ours are the search
of both edges with 256 levels, the choice of candidates, and two guards:

- Exact zeros and the bins that touch zero do not count. After a ReLU or a softmax most values lie there; counted, they would
  make clipping all others look cheap.
- At most one in a thousand of the values that are not zero is clipped. Where a few channels alone hold large values, the
  divergence would clip those channels whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edgelpr.calibration.histograms import Histogram

MAGNITUDE_LEVELS = 128
"""Levels of the magnitude in symmetric int8."""

LEVELS = 256
"""Levels of uint8."""

MOST_CLIPPED = 0.001
"""Share of the values other than zero that may be clipped; for uint8 half of it at each end."""

_CANDIDATES = 128
_ROUNDS = 4


def symmetric_limit(histogram: Histogram) -> float:
    """The magnitude to clip at, for symmetric int8."""
    counts = histogram.magnitudes.astype(np.float64)
    ends = _edges(counts, MOST_CLIPPED * counts.sum())
    counts[0] = 0
    windows = [(0, end) for end in _thinned(ends[ends >= MAGNITUDE_LEVELS])]
    return histogram.width * _best(counts, windows, MAGNITUDE_LEVELS)[1]


def asymmetric_limits(histogram: Histogram) -> tuple[float, float]:
    """The two values to clip at, for uint8; at most 0 and at least 0.

    The upper edge is searched with the lower one held, then the other way round, until neither moves.
    """
    counts, zero = histogram.counts.astype(np.float64), histogram.below
    most = MOST_CLIPPED / 2 * counts.sum()
    starts, ends = zero - _edges(counts[:zero][::-1], most), zero + _edges(counts[zero:], most)
    counts[max(zero - 1, 0) : zero + 1] = 0
    start, end = int(starts[0]), int(ends[0])
    for _ in range(_ROUNDS):
        before = start, end
        start, end = _best(counts, [(start, edge) for edge in _thinned(ends[ends >= start + LEVELS])], LEVELS)
        start, end = _best(counts, [(edge, end) for edge in _thinned(starts[starts <= end - LEVELS])], LEVELS)
        if (start, end) == before:
            break
    return (start - zero) * histogram.width, (end - zero) * histogram.width


def divergence(counts: NDArray[np.float64], start: int, end: int, levels: int) -> float:
    """Kullback-Leibler divergence of the clipped histogram from its quantised version, in nats.

    Args:
        counts: (bins,) how many values fall into each bin.
        start: first bin that is kept; what lies below is clipped to it.
        end: bin behind the last that is kept; what lies above is clipped to that last.
        levels: how many levels the kept bins are merged into; at most ``end - start``.

    Returns:
        0 or more; infinity where values are clipped to a bin that is empty itself.
    """
    kept = counts[start:end]
    clipped = kept.copy()
    clipped[0] += counts[:start].sum()
    clipped[-1] += counts[end:].sum()
    filled = kept > 0
    if (clipped[0] > 0 and not filled[0]) or (clipped[-1] > 0 and not filled[-1]):
        return math.inf
    firsts = np.arange(levels) * len(kept) // levels
    merged = np.add.reduceat(kept, firsts)
    spread_over = np.maximum(np.add.reduceat(filled.astype(np.float64), firsts), 1)  # an empty level has nothing to spread
    quantised = np.repeat(merged / spread_over, np.diff(firsts, append=len(kept)))[filled]
    share = clipped[filled] / clipped.sum()
    return float((share * np.log(share / (quantised / kept.sum()))).sum())


def _edges(counts: NDArray[np.float64], most: float) -> NDArray[np.intp]:
    """Bins from zero to where one side may end, widest first: behind a bin with values, with at most so many beyond."""
    kept: NDArray[np.intp] = np.append(0, np.flatnonzero(counts) + 1)[::-1]
    beyond = np.append(np.cumsum(counts[::-1])[::-1], 0)
    allowed: NDArray[np.intp] = kept[beyond[kept] <= most]
    return allowed


def _best(counts: NDArray[np.float64], windows: Iterable[tuple[int, int]], levels: int) -> tuple[int, int]:
    """The window of least divergence; the first, which is the widest, where several are equal."""
    return min(windows, key=lambda window: divergence(counts, window[0], window[1], levels))


def _thinned(candidates: NDArray[np.intp]) -> list[int]:
    """At most so many of them, evenly, the first and the last always among them."""
    if len(candidates) > _CANDIDATES:
        candidates = candidates[np.linspace(0, len(candidates) - 1, _CANDIDATES).round().astype(np.intp)]
    return [int(candidate) for candidate in candidates]
