"""Reports as event files, which TensorBoard shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgelpr.errors import require
from edgelpr.training.progress import Progress

EVENTS_FOLDER = "tensorboard"
"""Folder of the event files inside that of a run: ``tensorboard --logdir RUN/tensorboard``."""

_NAMES = {
    "loss": "loss/total",
    "sequence": "loss/sequence",
    "semantic": "loss/semantic",
    "position": "loss/position",
    "distillation": "loss/distillation",
    "plate_accuracy": "plate_accuracy/training",
    "validation_accuracy": "plate_accuracy/validation",
    "learning_rate": "learning_rate",
    "plates_per_second": "plates_per_second",
}


class EventLog:
    """Writes the figures of each report.

    Args:
        folder: of the run.
        first: first step that will be reported; later ones from a sitting that was cut short are hidden.

    Raises:
        MissingDependencyError: tensorboardX is not installed.
    """

    def __init__(self, folder: Path, first: int) -> None:
        writing = require("tensorboardX", "tensorboard", "writing event files for TensorBoard")
        self._writer: Any = writing.SummaryWriter(str(folder / EVENTS_FOLDER), purge_step=first)

    def add(self, progress: Progress) -> None:
        """Write one report."""
        for name, value in progress.to_dict().items():
            if name in _NAMES and value is not None:
                self._writer.add_scalar(_NAMES[name], value, progress.step)
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
