"""How often a tensor takes which values: equal bins, with zero on the edge between two of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 4096
"""Bins over a tensor's span: 2,048 for the magnitudes of one that is centred, as many as TensorRT's method has."""

_SMALLEST_SPAN = 1e-30
_BLOCK = 1 << 15  # values at a time, so that what is computed about them stays in the processor's cache


@dataclass(frozen=True)
class Histogram:
    """Values of one tensor over all images.

    The bins cover the smallest span that holds every value and zero. Zero lies on an edge, so that folding counts magnitudes.
    """

    low: float
    """Smallest value."""

    high: float
    """Largest value."""

    zeros: int
    """Values that are exactly zero. They are in no bin: every quantisation keeps zero, so they speak for no range."""

    counts: NDArray[np.int64]
    """(BINS,) how many of the other values fall into each bin, from below; all zero where the span is zero."""

    @property
    def width(self) -> float:
        """Width of a bin; 0 where the span is zero."""
        return _grid(self.low, self.high)[0]

    @property
    def below(self) -> int:
        """How many bins lie below zero."""
        return _grid(self.low, self.high)[1]

    @property
    def magnitudes(self) -> NDArray[np.int64]:
        """(bins of the longer side,) counts of the absolute values, from zero upwards."""
        negative, positive = self.counts[: self.below][::-1], self.counts[self.below :]
        folded = np.zeros(max(len(negative), len(positive)), np.int64)
        folded[: len(negative)] += negative
        folded[: len(positive)] += positive
        return folded


class HistogramBuilder:
    """Counts values that arrive in parts; its memory does not depend on how many.

    Args:
        low: smallest value to come.
        high: largest value to come.
    """

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high
        self._width, self._below = _grid(low, high)
        self._zeros = 0
        self._counts = np.zeros(BINS, np.int64)

    def add(self, values: NDArray[np.float32]) -> None:
        """Count float32 values of any shape; one outside low..high, as rounding may give, falls into the bin at that end."""
        flat = np.ascontiguousarray(values).reshape(-1)
        self._zeros += flat.size - int(np.count_nonzero(flat))
        if self._width:
            for start in range(0, flat.size, _BLOCK):
                self._count(flat[start : start + _BLOCK])

    def _count(self, block: NDArray[np.float32]) -> None:
        position = block * np.float32(1 / self._width)
        position += np.float32(self._below)
        np.clip(position, 0, BINS - 0.5, out=position)
        self._counts += np.bincount(position.astype(np.int32), minlength=BINS)

    def build(self) -> Histogram:
        """The histogram of everything added so far."""
        counts: NDArray[Any] = self._counts.copy()
        if self._width:
            counts[min(self._below, BINS - 1)] -= self._zeros
        return Histogram(self._low, self._high, self._zeros, counts)


def _grid(low: float, high: float) -> tuple[float, int]:
    """Width of a bin, and how many bins lie below zero."""
    bottom, top = min(low, 0.0), max(high, 0.0)
    span = top - bottom
    if span < _SMALLEST_SPAN:  # its reciprocal would overflow, and a network whose values are that small computes nothing
        return 0.0, 0
    if bottom == 0 or top == 0:
        return span / BINS, BINS if top == 0 else 0
    width = span / (BINS - 1)  # one bin is spent on moving an edge to zero
    return width, math.ceil(-bottom / width)
