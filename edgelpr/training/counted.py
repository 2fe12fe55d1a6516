"""Plates counted as read right or not, and what the counts say."""

from __future__ import annotations

from typing import Protocol

from edgelpr.training.statistics import wilson_interval


class _Counts(Protocol):
    @property
    def plates(self) -> int: ...

    @property
    def correct(self) -> int: ...


class CountedPlates:
    """Gives whoever has ``plates`` (at least 1) and ``correct`` the share read right and how sure it is."""

    @property
    def plate_accuracy(self: _Counts) -> float:
        """Share of plates read right as a whole, 0 to 1."""
        return self.correct / self.plates

    @property
    def plate_accuracy_interval(self: _Counts) -> tuple[float, float]:
        """95 % Wilson interval of the plate accuracy."""
        return wilson_interval(self.correct, self.plates)
