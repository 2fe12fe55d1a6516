"""Accepting only sure readings: which threshold gives a wanted precision, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgelpr.training.statistics import wilson_interval

PRECISION = 0.99
"""Share of accepted readings that has to be right."""


@dataclass(frozen=True)
class Acceptance:
    """What a threshold lets through. It was chosen on the plates it is measured on, so new plates do a little worse."""

    threshold: float | None
    """Readings with at least this confidence are accepted; None if no threshold reaches the wanted precision."""

    accepted: int
    """How many are."""

    correct: int
    """How many of them are right."""

    plates: int
    """All plates, those without a reading included."""

    @property
    def coverage(self) -> float:
        """Share of all plates that is accepted, 0 to 1."""
        return self.accepted / self.plates

    @property
    def accuracy(self) -> float:
        """Share of all plates that is accepted and right, 0 to 1."""
        return self.correct / self.plates

    @property
    def precision_interval(self) -> tuple[float, float] | None:
        """95 % Wilson interval of the precision; None where nothing is accepted.

        For a threshold that was chosen before. One chosen on the same plates is flattered by them: check it on others, where
        it takes 381 accepted readings without any mistake to show 99 %.
        """
        return wilson_interval(self.correct, self.accepted) if self.accepted else None


def accept_at_precision(
    confidences: Sequence[float], correct: Sequence[bool], plates: int, precision: float = PRECISION
) -> Acceptance:
    """The lowest threshold at which the accepted readings have a wanted precision.

    Args:
        confidences: of the readings, 0 to 1.
        correct: whether each of them is right.
        plates: how many there are, at least as many as readings.
        precision: share of the accepted readings that must be right, 0 to 1.

    Raises:
        ValueError: lists of different lengths, or fewer plates than readings.
    """
    if len(confidences) != len(correct) or plates < max(1, len(confidences)):
        raise ValueError(f"expected as many answers as confidences and as many plates; found {len(confidences)}, {plates}")
    best = Acceptance(None, 0, 0, plates)
    for threshold, accepted, right in _thresholds(confidences, correct):
        if right / accepted >= precision:
            best = Acceptance(threshold, accepted, right, plates)
    return best


def risk_by_coverage(confidences: Sequence[float], correct: Sequence[bool], plates: int) -> tuple[tuple[float, float], ...]:
    """Share of all plates accepted, and share of the accepted that is wrong, from the highest threshold to the lowest."""
    return tuple((accepted / plates, 1 - right / accepted) for _, accepted, right in _thresholds(confidences, correct))


def _thresholds(confidences: Sequence[float], correct: Sequence[bool]) -> Iterator[tuple[float, int, int]]:
    """Every confidence from the top as a threshold: how many it accepts, how many of them are right."""
    ordered = sorted(zip(confidences, correct), reverse=True)
    right = 0
    for accepted, (confidence, is_right) in enumerate(ordered, start=1):
        right += is_right
        if accepted == len(ordered) or ordered[accepted][0] != confidence:  # equal ones are accepted together
            yield confidence, accepted, right
