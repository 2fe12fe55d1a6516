"""Which labelled plates `edgelpr verify` and `edgelpr eval` read: crops, or tracks for a bundle that reads tracks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgelpr.errors import UsageError
from edgelpr.types import LabelFormat

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.data.labelled import LabelledCrop


@dataclass(frozen=True)
class Making:
    """How tracks are made of labelled crops, as the options say it."""

    hardness: float = 0.5
    """Of the damage to their frames."""

    seed: int = 0
    """Of every choice."""

    @property
    def options(self) -> list[str]:
        """What names it on a command line."""
        return ["--hardness", f"{self.hardness:g}", "--seed", str(self.seed)]


@dataclass(frozen=True)
class Labels:
    """Where labelled plates are, as the options say it."""

    data: Path
    """A CSV, or a folder."""

    label_format: LabelFormat = "csv"
    """How labels are stored."""

    split: str | None = None
    """The part that is read; None: all of it."""

    making: Making | None = None
    """How crops become tracks; None: as they do without options."""

    @property
    def options(self) -> list[str]:
        """What names them on a command line."""
        layout = [] if self.label_format == "csv" else ["--format", self.label_format]
        part = [] if self.split is None else ["--split", self.split]
        made = [] if self.making is None else self.making.options
        return ["--data", str(self.data), *layout, *part, *made]


def check_crops_only(opened: Bundle, bisect: bool, given: Collection[str]) -> None:
    """Refuse what the bundle's kind has no use for.

    Args:
        opened: the bundle.
        bisect: whether layers are to be searched.
        given: options about made tracks that the user gave.

    Raises:
        UsageError: a search for layers of a bundle that reads tracks, or made tracks for one that reads crops.
    """
    if opened.manifest.frames is None and given:
        option = next(iter(given))
        raise UsageError(f"--{option} is for bundles that read tracks, and {opened.path} reads single crops; leave it out")
    if opened.manifest.frames is not None and bisect:
        raise UsageError(
            f"--bisect searches layers of bundles that read single crops, and {opened.path} reads tracks; leave it out. Where "
            "a precision fails, calibrate on more or other tracks, or read in fp32"
        )


def read_plates(opened: Bundle, labels: Labels) -> Sequence[LabelledCrop]:
    """Labelled crops, or labelled tracks for a bundle that reads them.

    Raises:
        DataError: nothing there, a mistake in the labels, or no plate of the split.
        UsageError: it was said how tracks are made of crops, but these were filmed.
    """
    from edgelpr.cli.output import note
    from edgelpr.data.labelled_tracks import read_labelled_tracks
    from edgelpr.data.labels import read_labels
    from edgelpr.data.rendering.tracks.making import MadeTracks

    frames = opened.manifest.frames
    if frames is None:
        return read_labels(labels.data, labels.label_format, labels.split)
    making = labels.making or Making()
    made = MadeTracks(making.seed, making.hardness, frames)
    tracks = read_labelled_tracks(labels.data, labels.label_format, labels.split, made)
    count = "1 track" if len(tracks) == 1 else f"{len(tracks)} tracks"
    filmed = tracks[0].origin == "filmed"
    if filmed and labels.making is not None:
        raise UsageError(
            f"{labels.data}: has filmed tracks; leave out --hardness and --seed, which make tracks of single crops"
        )
    how = "as they were filmed" if filmed else f"made from a crop each (hardness {made.hardness:g}, seed {made.seed})"
    note(f"{count}, {how}")
    return tracks
