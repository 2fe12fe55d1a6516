"""Whether a confidence means what it says: of the readings with confidence 0.9, nine in ten should be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgelpr.training.statistics import wilson_interval

BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Readings of similar confidence."""

    plates: int
    """How many, at least one."""

    correct: int
    """How many of them are right."""

    confidence: float
    """Their mean confidence, 0 to 1."""

    @property
    def accuracy(self) -> float:
        """Share that is right, 0 to 1."""
        return self.correct / self.plates

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson_interval(self.correct, self.plates)

    @property
    def gap(self) -> float:
        """Confidence minus accuracy; positive where the readings are too sure of themselves."""
        return self.confidence - self.accuracy


@dataclass(frozen=True)
class Reliability:
    """Confidences held against what was right. A small sample raises both errors: its bins scatter by chance."""

    bins: tuple[ReliabilityBin, ...]
    """Bins of equal width on the scale of confidence, lowest first, the empty ones left out."""

    equal_mass_bins: tuple[ReliabilityBin, ...]
    """Bins of about equally many readings, lowest first."""

    brier_score: float
    """Mean squared distance of the confidence from 1 (right) or 0 (wrong), 0 to 1; Brier 1950."""

    @property
    def expected_calibration_error(self) -> float:
        """Mean distance of confidence from accuracy, 0 to 1, each bin of equal width weighed by its readings.

        Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2.
        """
        return _error(self.bins)

    @property
    def adaptive_calibration_error(self) -> float:
        """The same over bins of equal mass: fair where nearly all confidences lie near 1.

        Source: Nguyen and O'Connor, "Posterior calibration and exploratory analysis for natural language processing
        models", EMNLP 2015, section 4.
        """
        return _error(self.equal_mass_bins)


def measure_reliability(confidences: Sequence[float], correct: Sequence[bool], bins: int = BINS) -> Reliability:
    """Hold confidences against what was right.

    Args:
        confidences: of the readings, 0 to 1, at least one.
        correct: whether each of them is right.
        bins: of both kinds, at least one.

    Raises:
        ValueError: nothing to measure, or lists of different lengths.
    """
    if not confidences or len(confidences) != len(correct) or bins < 1:
        raise ValueError(f"expected as many answers as confidences, at least one, and a bin; found {len(confidences)}, {bins}")
    readings = sorted(zip(confidences, correct))
    count = len(readings)
    rank = _middle_ranks([confidence for confidence, _ in readings])
    return Reliability(
        bins=_group(readings, bins, lambda place: int(readings[place][0] * bins)),
        equal_mass_bins=_group(readings, bins, lambda place: int(rank[place] * bins / count)),
        brier_score=sum((confidence - right) ** 2 for confidence, right in readings) / count,
    )


def _group(readings: Sequence[tuple[float, bool]], bins: int, choose: Callable[[int], int]) -> tuple[ReliabilityBin, ...]:
    groups: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for place, reading in enumerate(readings):
        groups[min(choose(place), bins - 1)].append(reading)  # a confidence of 1 belongs to the last bin
    return tuple(
        ReliabilityBin(len(group), sum(right for _, right in group), sum(confidence for confidence, _ in group) / len(group))
        for group in groups
        if group
    )


def _middle_ranks(ordered: Sequence[float]) -> list[float]:
    """Rank of each value, equal ones sharing that of their middle, so that they come into one bin."""
    ranks: list[float] = []
    while len(ranks) < len(ordered):
        first = len(ranks)
        last = next((place for place in range(first, len(ordered)) if ordered[place] != ordered[first]), len(ordered))
        ranks += [(first + last - 1) / 2] * (last - first)
    return ranks


def _error(bins: Sequence[ReliabilityBin]) -> float:
    return sum(each.plates * abs(each.gap) for each in bins) / sum(each.plates for each in bins)
