"""What was found about one precision."""

from __future__ import annotations

from dataclasses import dataclass

from edgelpr.benchmarks.summary import Summary
from edgelpr.benchmarks.verifying.gate import loss_interval, loss_points
from edgelpr.benchmarks.verifying.subjects import Subject
from edgelpr.bundle.approval import Approval
from edgelpr.bundle.ruling import Ruling
from edgelpr.data.labelled_tracks import LabelledTrack
from edgelpr.training.comparing import Comparison, Pair
from edgelpr.training.paired import PairedCounts
from edgelpr.training.scores import Evaluation, PlateScore
from edgelpr.types import TrackOrigin

FASTER = 1.1
"""What is less than this many times as fast as fp32 is no faster: times taken anew differ by up to 6 % (seen)."""


@dataclass(frozen=True)
class PrecisionResult:
    """One precision beside fp32 on the same plates; of fp32 itself, beside itself."""

    subject: Subject
    """Which graph."""

    evaluation: Evaluation
    """Its readings."""

    reference: Evaluation
    """Those of fp32, plate by plate the same."""

    runtime: str
    """Engine, version, device and threads."""

    device: str
    """What computed, as ``Approval.device`` names it."""

    max_loss: float
    """Percentage points of whole-plate accuracy that may be lost."""

    speed: Summary | None = None
    """Time a plate from decoded crop to text, batch 1; None where it was not taken."""

    speed_of_fp32: Summary | None = None
    """The same of fp32, taken in turn with it."""

    ruling: Ruling | None = None
    """What this verdict and those on other plates come to; None of fp32 and of a simulation."""

    earlier: Approval | None = None
    """The verdict on these same plates that this one replaces."""

    engine_sha256: str | None = None
    """Hash of the plan that read; None where nothing was built."""

    @property
    def track_origin(self) -> TrackOrigin | None:
        """Whether the tracks that were read were filmed or made; None of crops."""
        return next((score.crop.origin for score in self.evaluation.scores if isinstance(score.crop, LabelledTrack)), None)

    @property
    def comparison(self) -> Comparison:
        """fp32 first, this precision second."""
        pairs = [
            Pair(score.crop.path, score.crop.plate, before.read, score.read)
            for before, score in zip(self.reference.scores, self.evaluation.scores, strict=True)
        ]
        return Comparison(("fp32", self.subject.name), tuple(pairs), "path")

    @property
    def counts(self) -> PairedCounts:
        """Plates by who read them right; fp32 first."""
        return self.comparison.counts

    @property
    def loss_points(self) -> float:
        """Net loss of whole-plate accuracy, in percentage points; negative where it reads better than fp32."""
        return loss_points(self.counts)

    @property
    def loss_interval(self) -> tuple[float, float]:
        """Its 95 % interval (Tango); of fp32 against itself no loss is possible."""
        return (0.0, 0.0) if self.is_reference else loss_interval(self.counts)

    @property
    def agreement(self) -> float:
        """Share of the plates with a usable file that it reads as fp32 does, right or wrong; 0 to 1."""
        pairs = [
            before.read == score.read and score.error is None
            for before, score in zip(self.reference.scores, self.evaluation.scores)
            if before.error is None
        ]
        return sum(pairs) / len(pairs)

    @property
    def largest_confidence_shift(self) -> tuple[float, PlateScore] | None:
        """The confidence that moved furthest from fp32's, 0 to 1, and its plate; None if no plate was read by both."""
        shifts = [
            (abs(score.confidence - before.confidence), score)
            for before, score in zip(self.reference.scores, self.evaluation.scores)
            if before.error is None and score.error is None
        ]
        return max(shifts, key=lambda shift: shift[0], default=None)

    @property
    def engine_failures(self) -> tuple[PlateScore, ...]:
        """Plates on which the engine failed in this precision alone; they count as read wrong."""
        scores = zip(self.reference.scores, self.evaluation.scores)
        return tuple(score for before, score in scores if before.error is None and score.error is not None)

    @property
    def within_gate(self) -> bool:
        """Whether the net loss is within what is allowed, and the engine never failed."""
        return self.loss_points <= self.max_loss and not self.engine_failures

    @property
    def approved(self) -> bool | None:
        """Whether it may be used, verdicts on other plates included; None for a simulation, which approves nothing."""
        if self.subject.simulated:
            return None
        return self.within_gate if self.ruling is None else self.ruling.approved

    @property
    def reverses(self) -> bool:
        """Whether an earlier verdict on the same plates was the other way round."""
        return self.earlier is not None and self.earlier.approved != self.within_gate

    @property
    def is_reference(self) -> bool:
        """Whether this is fp32."""
        return self.subject.precision == "fp32"

    @property
    def speed_ratio(self) -> float | None:
        """How many times as fast as fp32, by medians; None where no time was taken."""
        return None if self.speed is None or self.speed_of_fp32 is None else self.speed_of_fp32.p50 / self.speed.p50

    @property
    def faster(self) -> bool:
        """Whether it is so much faster than fp32 that using it pays."""
        return self.speed_ratio is not None and self.speed_ratio >= FASTER
