"""What a run of IQ-STAN reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgelpr.training.progress import append_to_log
from edgelpr.training.tracks.stepping import TrackOutcome
from edgelpr.training.tracks.validating import TrackFigures


@dataclass(frozen=True)
class TrackProgress:
    """What a run reports from time to time."""

    step: int
    """Steps done."""

    steps: int
    """Steps of the whole run."""

    outcome: TrackOutcome
    """Means over the steps since the last report."""

    learning_rate: float
    """In use."""

    tracks_per_second: float
    """Since the last report, rendering included."""

    seconds_left: float
    """Until the last step, at that speed."""

    held_out: TrackFigures | None = None
    """Of the averaged weights at the last save."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a log, the figures among the others."""
        figures = {} if self.held_out is None else asdict(self.held_out)
        values = asdict(self) | self.outcome._asdict() | figures
        return {name: value for name, value in values.items() if name not in ("outcome", "held_out")}

    def log(self, folder: Path) -> None:
        """Append this report to the run's log."""
        append_to_log(folder, self.to_dict())
