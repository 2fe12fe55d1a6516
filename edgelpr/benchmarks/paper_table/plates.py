"""Labelled plates on which the networks that are timed are measured as well."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgelpr.benchmarks.bench.run import Run
from edgelpr.data.digest import data_sha256
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.labelled_tracks import LabelledTrack, read_labelled_tracks, tracks_sha256
from edgelpr.data.labels import read_labels
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.models.iq_stan import FRAMES
from edgelpr.plates.format import PlateFormat
from edgelpr.training.evaluation import labels_beyond
from edgelpr.types import LabelFormat


@dataclass(frozen=True)
class Plates:
    """The same plates for every network: as crops, and as tracks for what reads those."""

    name: str
    """Folder and part, for people; never a path."""

    crops: Sequence[LabelledCrop]
    """At least one."""

    tracks: Sequence[LabelledTrack]
    """Filmed, or made from a crop each, as ``edgelpr eval`` and ``verify`` make them."""

    def of(self, frames: int) -> Sequence[LabelledCrop]:
        """What a network reads that takes so many frames of a plate."""
        return self.crops if frames == 1 else self.tracks

    def name_of(self, frames: int) -> str:
        """The same, for people."""
        if frames == 1:
            return self.name
        return f"{'tracks' if self.tracks[0].origin == 'filmed' else 'tracks made'} of {self.name}"

    def sha256(self, frames: int) -> str:
        """Identity of labels and pictures, and of how they are tracks."""
        return self._of_crops if frames == 1 else self._of_tracks

    def beyond(self, plate_format: PlateFormat) -> int:
        """How many labels a plate format cannot spell, or its pattern rules out; they can only be read wrong."""
        return len(labels_beyond(plate_format, self.crops))

    def fit(self, plate_format: PlateFormat) -> bool:
        """Whether they are plates of this kind at all: whether it can spell more than half of them."""
        return 2 * self.beyond(plate_format) < len(self.crops)

    def missing(self, run: Run) -> bool:
        """Whether a run has no accuracy that was measured on these plates."""
        found = run.accuracy
        return found is None or not found.surely_measured or found.data_sha256 != self.sha256(run.model.frames)

    @cached_property
    def _of_crops(self) -> str:
        return data_sha256(self.crops)

    @cached_property
    def _of_tracks(self) -> str:
        return tracks_sha256(self.tracks)


def read_paper_plates(path: Path, label_format: LabelFormat, split: str | None) -> Plates:
    """Read labels for all networks; pictures are loaded when they are read.

    Args:
        path: as ``read_labels`` takes it; a CSV may have the columns track,image,plate, a line a frame.
        label_format: how labels are stored.
        split: keep only this part.

    Raises:
        DataError: nothing there, a mistake in the labels, or no plate of that split.
    """
    crops = read_labels(path, label_format, split)
    tracks = read_labelled_tracks(path, label_format, split, MadeTracks(most=FRAMES))
    place = Path(os.path.abspath(path))  # noqa: PTH100  a link keeps the name that the user gave it
    folder = (place if place.is_dir() else place.parent).name.encode("utf-8", "backslashreplace").decode("utf-8")
    return Plates(folder if split is None else f"{folder}, {split} part", crops, tracks)
