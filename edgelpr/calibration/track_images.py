"""The tracks that ranges are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.calibration.images import CalibrationImages
from edgelpr.calibration.inputs import Inputs
from edgelpr.calibration.record_parts import RecordedTracks
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image


@dataclass(frozen=True, eq=False)
class CalibrationTracks:
    """Tracks of one to F frames, filmed ones and ones made from single crops."""

    frames: Image
    """(N, F, height, width) uint8, 0 to 255, read-only. Where no frame is stands another one of the track, so that no range is
    widened by a black picture whose features count for nothing."""

    present: NDArray[np.uint8]
    """(N, F), 1 for a frame that is there; they come first."""

    images: CalibrationImages
    """The pictures that the tracks consist of, or were made from, each once."""

    firsts: tuple[int, ...]
    """For each track a row of ``images``: its first frame, or the crop that it was made from."""

    made: MadeTracks | None
    """How crops became tracks; None where all were filmed."""

    made_count: int
    """How many of the tracks were made."""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def inputs(self) -> Inputs:
        """What the graph is given."""
        return self.frames, self.present

    @property
    def preprocessing(self) -> Preprocessing:
        """What made frames into network input."""
        return self.images.preprocessing

    @property
    def seed(self) -> int:
        """Of the choice among those there were."""
        return self.images.seed

    @property
    def pictures(self) -> CalibrationImages:
        """One picture of each track: the frames of one track are meant to be alike."""
        return self.images.subset(self.firsts)

    def subset(self, indices: Sequence[int]) -> CalibrationTracks:
        """Some of them, in the order of the indices."""
        rows = list(indices)
        firsts = tuple(self.firsts[index] for index in rows)
        return replace(self, frames=self.frames[rows], present=self.present[rows], firsts=firsts)

    @property
    def recorded(self) -> RecordedTracks:
        """How many there are and how they came about."""
        making = None if self.made is None else self.made.to_dict()
        return RecordedTracks(len(self), self.made_count, int(self.present.sum()), making)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what was used, and what was left out and why."""
        return self.images.to_dict() | {"tracks": self.recorded.to_dict()}
