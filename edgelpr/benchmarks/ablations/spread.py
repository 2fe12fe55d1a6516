"""How far a mean over a few seeds can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, pi, sqrt
from statistics import fmean, stdev

_PIECES = 2000
_HALVINGS = 60


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's t-interval of a mean, for values that are about normal and independent.

    Args:
        values: one a seed.
        confidence: probability that such an interval holds the true mean, between 0 and 1.

    Returns:
        Lower and upper end; None for fewer than two values.

    Raises:
        ValueError: a confidence outside its range.
    """
    if len(values) < 2:
        return None
    half = t_quantile((1 + confidence) / 2, len(values) - 1) * stdev(values) / sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


def t_quantile(probability: float, freedom: int) -> float:
    """The value that Student's t stays below with that probability.

    Args:
        probability: 0.5 to 1, both excluded.
        freedom: degrees of freedom, at least 1.

    Raises:
        ValueError: an argument outside its range.
    """
    if not 0.5 < probability < 1 or freedom < 1:
        raise ValueError(f"expected 0.5 < probability < 1 and freedom >= 1; found {probability}, {freedom}")
    low, high = 0.0, 1.0
    while _below(high, freedom) < probability:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _below(value: float, freedom: int) -> float:
    """Probability of less than ``value``, at least 0: one half and Simpson's rule over the density from 0."""
    scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(freedom * pi)
    step = value / _PIECES
    weights = (1 if piece in (0, _PIECES) else 4 if piece % 2 else 2 for piece in range(_PIECES + 1))
    heights = ((1 + (piece * step) ** 2 / freedom) ** (-(freedom + 1) / 2) for piece in range(_PIECES + 1))
    area: float = sum(weight * height for weight, height in zip(weights, heights))
    return 0.5 + scale * step / 3 * area
