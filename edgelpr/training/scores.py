"""What an evaluation measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgelpr.data.labelled import LabelledCrop
from edgelpr.training.acceptance import Acceptance, accept_at_precision, risk_by_coverage
from edgelpr.training.alignment import align, correct_characters, without_chinese
from edgelpr.training.counted import CountedPlates
from edgelpr.training.reliability import Reliability, measure_reliability


@dataclass(frozen=True)
class PlateScore:
    """One plate: what stands on it and what was read."""

    crop: LabelledCrop
    """The labelled image."""

    read: str
    """What was read; empty if the file could not be."""

    confidence: float
    """Of the reading, 0 to 1; 0 if the file could not be read."""

    seconds: float | None
    """Time of the reading; None if the file could not be read."""

    error: str | None = None
    """Why the file could not be read."""

    @property
    def correct(self) -> bool:
        """Whether every character was read right."""
        return self.error is None and self.read == self.crop.plate


@dataclass(frozen=True)
class Confusion:
    """A character taken for another one."""

    true: str
    """What stands on the plate; empty if a character was read where there is none."""

    read: str
    """What was read; empty if the character was missed."""

    count: int
    """How often."""


@dataclass(frozen=True)
class Evaluation(CountedPlates):
    """A recogniser measured on labelled plates. Files that could not be read count as wrong in every accuracy."""

    scores: tuple[PlateScore, ...]
    """One a plate, in the order of the labels."""

    precision: str
    """Precision of the graph that read."""

    backend: str
    """Engine that read."""

    data_sha256: str
    """Identity of labels and images."""

    warnings: tuple[str, ...] = ()
    """Labels that the plate format cannot spell, or that its pattern rules out; they can only count as wrong."""

    @property
    def plates(self) -> int:
        """Number of plates."""
        return len(self.scores)

    @property
    def correct(self) -> int:
        """Plates read right as a whole."""
        return sum(score.correct for score in self.scores)

    @property
    def plate_accuracy_without_chinese(self) -> float:
        """Share of plates right after the leading Chinese character; as ``plate_accuracy`` where there is none."""
        right = [without_chinese(s.read) == without_chinese(s.crop.plate) for s in self.scores if s.error is None]
        return sum(right) / self.plates

    @property
    def character_accuracy(self) -> float:
        """Share of the labels' characters read right, 0 to 1.

        Compared position by position where the lengths agree, aligned by the smallest edit distance where they differ.
        """
        right = sum(correct_characters(score.crop.plate, score.read) for score in self.scores)
        return right / sum(len(score.crop.plate) for score in self.scores)

    @property
    def reliability(self) -> Reliability | None:
        """Whether the confidences mean what they say; None if no file could be read."""
        confidences, correct = self._confidences
        return measure_reliability(confidences, correct) if confidences else None

    @property
    def acceptance(self) -> Acceptance:
        """The threshold on the confidence that makes 99 % of what it accepts right."""
        return accept_at_precision(*self._confidences, self.plates)

    @property
    def risk_by_coverage(self) -> tuple[tuple[float, float], ...]:
        """Share of plates accepted and share of these that is wrong, as the threshold falls."""
        return risk_by_coverage(*self._confidences, self.plates)

    @property
    def _confidences(self) -> tuple[list[float], list[bool]]:
        """Of the files that could be read: the others have no confidence to judge."""
        read = [score for score in self.scores if score.error is None]
        return [score.confidence for score in read], [score.correct for score in read]

    @property
    def seconds_per_plate(self) -> float | None:
        """Mean time of the plates that were read, file decoding apart; None if none was."""
        times = [score.seconds for score in self.scores if score.seconds is not None]
        return sum(times) / len(times) if times else None

    @property
    def failures(self) -> tuple[PlateScore, ...]:
        """Plates not read right, those without a reading included."""
        return tuple(score for score in self.scores if not score.correct)

    @property
    def unreadable(self) -> tuple[PlateScore, ...]:
        """Plates whose file could not be read."""
        return tuple(score for score in self.scores if score.error is not None)

    def confusions(self, most: int = 10) -> tuple[Confusion, ...]:
        """The characters most often taken for another one, worst first."""
        pairs = Counter(
            (true, read)
            for score in self.scores
            if score.error is None
            for true, read in align(score.crop.plate, score.read)
            if true != read
        )
        ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Confusion(true, read, count) for (true, read), count in ranked[:most])

    def to_dict(self) -> dict[str, Any]:
        """What ``edgelpr eval --json`` promises."""
        reliability, acceptance = self.reliability, self.acceptance
        shown = acceptance.precision_interval
        return {
            "plates": self.plates,
            "plate_accuracy": self.plate_accuracy,
            "plate_accuracy_interval": list(self.plate_accuracy_interval),
            "plate_accuracy_without_chinese": self.plate_accuracy_without_chinese,
            "character_accuracy": self.character_accuracy,
            "precision": self.precision,
            "backend": self.backend,
            "seconds_per_plate": self.seconds_per_plate,
            "data_sha256": self.data_sha256,
            "expected_calibration_error": None if reliability is None else reliability.expected_calibration_error,
            "adaptive_calibration_error": None if reliability is None else reliability.adaptive_calibration_error,
            "accuracy_at_99_precision": acceptance.accuracy,
            "threshold_at_99_precision": acceptance.threshold,
            "precision_interval_at_threshold": None if shown is None else list(shown),
        }


Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""
