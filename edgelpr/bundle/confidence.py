"""From what a network says about a track to a probability that the plate is right (ours)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from math import exp, isfinite, log
from typing import Any

from edgelpr.bundle.checking import typed
from edgelpr.errors import BundleError

LEAST = 1e-6
"""Probabilities and likenesses count as this when they are smaller, so that logarithms stay finite."""


@dataclass(frozen=True)
class TrackConfidence:
    """Coefficients of two logistic functions, whose product is the probability that a plate is right.

    The first tells a right reading from a wrong one, the second a track of one plate from one with frames of another. Without
    them the product of the characters' probabilities is the confidence, which knows nothing of frames that contradict each
    other.

    Raises:
        BundleError: a coefficient that is not finite, or a slope below 0.
    """

    reading_offset: float
    """Added to the first."""

    reading_slope: float
    """Weight of the log odds of the product of all characters' probabilities."""

    agreement_offset: float
    """Added to the second."""

    agreement_slope: float
    """Weight of the logarithm of the least likeness of two frames."""

    def __post_init__(self) -> None:
        if not all(map(isfinite, astuple(self))) or self.reading_slope < 0 or self.agreement_slope < 0:
            raise BundleError(f"confidence is {list(astuple(self))}; expected finite numbers, the second and fourth 0 or more")

    def of(self, probability: float, likeness: float) -> float:
        """The probability that the plate is right, 0 to 1.

        Args:
            probability: product of all characters' probabilities, 0 to 1.
            likeness: least of two of the track's frames, 0 to 1; 1 for a single frame.
        """
        right = logistic(self.reading_offset + self.reading_slope * log_odds(probability))
        return right * self.one_plate(likeness)

    def one_plate(self, likeness: float) -> float:
        """The probability that all frames show one plate, 0 to 1.

        Args:
            likeness: least of two of the track's frames, 0 to 1; 1 for a single frame.
        """
        return logistic(self.agreement_offset + self.agreement_slope * log(max(likeness, LEAST)))

    def to_list(self) -> list[float]:
        """Plain values for JSON; ``from_list`` takes them back."""
        return list(astuple(self))

    @classmethod
    def from_list(cls, values: Any, where: str) -> TrackConfidence:
        """Build from plain values.

        Raises:
            BundleError: not four numbers of the right kind.
        """
        numbers: Sequence[Any] = typed(values, list, where)
        wanted = len(fields(cls))
        if len(numbers) != wanted or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in numbers):
            raise BundleError(f"{where}: found {numbers}; expected {wanted} numbers")
        try:
            return cls(*map(float, numbers))
        except BundleError as error:
            raise BundleError(f"{where}: {error}") from error


def log_odds(probability: float) -> float:
    """Logarithm of a probability over its complement, from -13.8 to 13.8."""
    clipped = min(max(probability, LEAST), 1 - LEAST)
    return log(clipped / (1 - clipped))


def logistic(score: float) -> float:
    """The inverse: 0 to 1, for any finite score."""
    return 1 / (1 + exp(-score)) if score >= 0 else exp(score) / (1 + exp(score))
