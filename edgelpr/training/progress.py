"""When a run reports and saves, and what it reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgelpr.training.outcome import Outcome

LOG_FILE = "log.jsonl"
"""One line a report inside the folder of a run."""


def append_to_log(folder: Path, report: Mapping[str, Any]) -> None:
    """Write one line into the log of a run.

    Args:
        folder: of the run.
        report: plain values by name.
    """
    with (folder / LOG_FILE).open("a", encoding="utf-8") as log:
        log.write(json.dumps(report) + "\n")


@dataclass(frozen=True)
class Schedule:
    """How a run goes about its work; none of it changes the result."""

    report_every: int = 50
    """Steps between reports."""

    save_every: int = 500
    """Steps between saved states."""

    workers: int = 1
    """Processes that prepare samples; 0 prepares them in this one."""

    device: str = "cpu"
    """``cpu`` or ``cuda``."""

    pool_folder: Path | None = None
    """Folder of the pool of rendered plates, which several runs may share; by default the run's own."""

    tensorboard: bool = False
    """Whether to write the reports as event files for TensorBoard too."""


@dataclass(frozen=True)
class Progress:
    """What a run reports from time to time."""

    step: int
    """Steps done."""

    steps: int
    """Steps of the whole run."""

    outcome: Outcome
    """Of the last step."""

    learning_rate: float
    """In use."""

    plates_per_second: float
    """Since the last report, rendering included."""

    seconds_left: float
    """Until the last step, at that speed."""

    stage: str = "SPC"
    """What trains now: of S (semantic), P (position), C (classifier)."""

    validation_accuracy: float | None = None
    """Share of the validation plates that the averaged weights read right at the last save, 0 to 1; None without any."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a log, the figures of the step among the others."""
        values: dict[str, Any] = {}
        for name, value in asdict(self).items():
            values |= value if name == "outcome" else {name: value}
        return values

    def log(self, folder: Path) -> None:
        """Append this report to the run's log."""
        append_to_log(folder, self.to_dict())
