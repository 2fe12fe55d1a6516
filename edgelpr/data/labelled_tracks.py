"""Tracks whose plate is known: filmed ones, and ones made from labelled single crops."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelpr.data.digest import data_sha256
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.labels import keep_split, read_labels
from edgelpr.data.readers.frames import LabelledFrame, names_tracks, read_frames
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.errors import ImageError
from edgelpr.preprocessing.images import Image
from edgelpr.types import LabelFormat, TrackOrigin


@dataclass(frozen=True)
class LabelledTrack(LabelledCrop):
    """A track and what stands on its plate; as a crop it is its first frame, or the crop that it is made from."""

    frames: tuple[LabelledFrame, ...] = ()
    """Filmed, in order; none where the track is made."""

    making: MadeTracks | None = None
    """How it is made; None where it was filmed."""

    @property
    def origin(self) -> TrackOrigin:
        """Whether it was filmed or is made."""
        return "filmed" if self.making is None else "made"

    @property
    def pictures(self) -> tuple[LabelledCrop, ...]:
        """Every picture that it consists of, or is made from."""
        return self.frames or (self,)

    def load_frames(self, rectify: bool = False) -> list[Image]:
        """Its frames, each (H, W) grey or (H, W, 3) BGR, uint8; those that cannot be used are left out.

        Args:
            rectify: straighten a crop by its corners where the labels give them, before a track is made of it.

        Raises:
            ImageError: none can be used.
        """
        if self.making is not None:
            return list(self.making.of(self.load(rectify)))
        found: list[Image] = []
        broken: ImageError | None = None
        for frame in self.frames:
            try:
                found.append(frame.load())
            except ImageError as error:
                broken = broken or error
        if not found and broken is not None:
            raise broken
        return found


def read_labelled_tracks(
    path: Path, label_format: LabelFormat, split: str | None, making: MadeTracks
) -> tuple[LabelledTrack, ...]:
    """Tracks in the order of the labels: those of a CSV with the column ``track``, or one made from each labelled crop.

    Args:
        path: as ``read_labels`` takes it; a CSV may have the columns track,image,plate, a line a frame.
        label_format: how labels are stored.
        split: keep only this part.
        making: how crops become tracks.

    Raises:
        DataError: nothing there, a mistake in the labels, or no plate of that split.
    """
    table = path / "labels.csv" if path.is_dir() else path
    if label_format == "csv" and table.is_file() and names_tracks(table):
        frames: Sequence[LabelledCrop] = read_frames(table, labelled=True)
        return _filmed(frames if split is None else keep_split(frames, split, path))
    crops = read_labels(path, label_format, split)
    return tuple(LabelledTrack(crop.path, crop.plate, crop.split, crop.cut, making=making) for crop in crops)


def tracks_sha256(labelled: Sequence[LabelledTrack]) -> str:
    """SHA-256 over plates, pictures and how they are tracks, in hexadecimal; see ``data_sha256``."""
    makings = sorted({str(track.making.to_dict()) for track in labelled if track.making is not None})
    tracks = sorted(data_sha256(track.pictures) for track in labelled)
    return hashlib.sha256("\n".join([*makings, *tracks]).encode()).hexdigest()


def _filmed(frames: Iterable[LabelledCrop]) -> tuple[LabelledTrack, ...]:
    tracks: dict[str, list[LabelledFrame]] = {}
    for frame in frames:
        if isinstance(frame, LabelledFrame):
            tracks.setdefault(frame.track, []).append(frame)
    return tuple(LabelledTrack(of[0].path, of[0].plate, of[0].split, frames=tuple(of)) for of in tracks.values())
