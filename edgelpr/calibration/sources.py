"""Where calibration images come from: a folder of crops or of tracks, or a CSV that names them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelpr.data.checking.parts import LabelSet, names_of_sets, parts_of
from edgelpr.data.folders import find_images, folder_as_split
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.labels import keep_split, read_labels
from edgelpr.data.readers.frames import LabelledFrame, names_tracks, read_frames
from edgelpr.data.readers.track_folders import tracks_in_folder
from edgelpr.errors import CalibrationError
from edgelpr.preprocessing.images import IMAGE_SUFFIXES
from edgelpr.types import LabelFormat

CALIBRATION_PARTS = ("calibrate", "calibration")
"""A part of this name is meant to be used; where there is one, nothing else is."""

ALL_PARTS = "all"
"""A split of this name means every part, also those that are there for testing."""


_SHOWN = 5


@dataclass(frozen=True)
class CalibrationSource:
    """A place with images."""

    path: Path
    """A folder that is searched to the bottom, a CSV, or a folder laid out as ``label_format`` says."""

    label_format: LabelFormat | None = None
    """How labels are stored; None takes a CSV, ``labels.csv`` in the folder, or else every image there."""

    split: str | None = None
    """Part to use, by the column ``split`` or the folder's name; None takes the one called calibrate or calibration, or
    else all that are not there for testing; ``all`` takes everything."""

    rectify: bool = False
    """Straighten plates by their corners where the labels give them."""

    tracks: bool = False
    """Whether each folder of images holds the frames of one plate, rather than crops of many."""


@dataclass(frozen=True)
class Candidate:
    """An image that may calibrate."""

    crop: LabelledCrop
    """The file, and where the plate lies in it; the plate's text is empty without labels."""

    name: str
    """Its path below the source, with ``/``."""

    rectify: bool
    """As the source says."""

    track: str | None = None
    """The track that it is a frame of; None: a crop alone."""


@dataclass(frozen=True)
class Candidates:
    """All images of some sources that may calibrate."""

    images: tuple[Candidate, ...]
    """By source, then sorted by name; frames by their track, in its order."""

    sources: tuple[str, ...]
    """Names of the sources, each with its part."""

    held_back: tuple[tuple[str, int], ...]
    """Parts that are there for testing and were not asked for, and how many images each holds."""


def find_candidates(sources: Sequence[CalibrationSource], frames: bool = False) -> Candidates:
    """Every image that the sources name; no image is opened.

    Args:
        sources: where to look.
        frames: whether CSVs may name the frames of tracks, by a column ``track``.

    Raises:
        CalibrationError: a source is missing, cannot be read, is a single image, or holds no image to use.
        DataError: labels with a mistake, or no plate of the split.
    """
    images: list[Candidate] = []
    names: list[str] = []
    held_back: list[tuple[str, int]] = []
    for source, short in zip(sources, _short_names(sources)):
        crops, part, back = _chosen(source, _read(source, frames))
        prefix = f"{short}/" if len(sources) > 1 else ""
        root = source.path if source.path.is_dir() else source.path.parent
        found = [Candidate(crop, prefix + _name(crop.path, root), source.rectify, _track(crop, short)) for crop in crops]
        # Frames of a track keep their order.
        images += sorted(found, key=lambda candidate: (candidate.track or candidate.name, candidate.crop.plate))
        names.append(short if part == ALL_PARTS else f"{short}, {part} part")
        held_back += [(f"{short}: {name}" if len(sources) > 1 else name, count) for name, count in back]
    return Candidates(tuple(images), tuple(names), tuple(held_back))


def _read(source: CalibrationSource, frames: bool) -> Sequence[LabelledCrop]:
    path = source.path
    try:
        path.stat()
        table = _table_of_tracks(source) if frames else None
        if table is not None:
            return read_frames(table)
        if source.tracks and not path.is_dir():
            raise CalibrationError(
                f"{path}: no column 'track'; expected a CSV with track,image, or a folder with one for each track"
            )
        if path.is_dir():
            return _read_tracks(path) if source.tracks else _read_folder(path, source.label_format)
    except FileNotFoundError as error:
        raise CalibrationError(f"{path}: no such file or folder; expected a folder of plate crops, or a labels CSV") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise CalibrationError(f"{error.filename or path}: cannot be read ({reason}); check who may read it") from error
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise CalibrationError(f"{path}: a single image; expected a folder of plate crops, or a labels CSV")
    return read_labels(path, source.label_format or "csv")


def _table_of_tracks(source: CalibrationSource) -> Path | None:
    """The CSV, where it names tracks."""
    path = source.path / "labels.csv" if source.path.is_dir() else source.path
    is_table = source.label_format in (None, "csv") and path.suffix.lower() not in IMAGE_SUFFIXES and path.is_file()
    return path if is_table and names_tracks(path) else None


def _read_tracks(folder: Path) -> Sequence[LabelledCrop]:
    tracks = tracks_in_folder(folder)
    if not tracks:
        raise CalibrationError(
            f"{folder}: holds no image; expected a folder for each track, with the frames of one plate in it"
        )
    return [
        LabelledFrame(path, "", folder_as_split(path, folder), track=str(place.relative_to(folder)))
        for place, frames in tracks.items()
        for path in frames
    ]


def _track(crop: LabelledCrop, source: str) -> str | None:
    return f"{source}/{crop.track}" if isinstance(crop, LabelledFrame) else None


def _read_folder(folder: Path, label_format: LabelFormat | None) -> Sequence[LabelledCrop]:
    for _, names, _ in os.walk(folder, onerror=_raise):  # a closed folder must not merely be missing from the ranges
        names[:] = [name for name in names if not name.startswith(".")]
    if label_format is not None or (folder / "labels.csv").is_file():
        return read_labels(folder, label_format or "csv")
    crops = [LabelledCrop(path, "", folder_as_split(path, folder)) for path in find_images(folder)]
    if not crops:
        there = "holds no image" if any(folder.iterdir()) else "is empty"
        kinds = " ".join(IMAGE_SUFFIXES)
        raise CalibrationError(f"{folder}: {there}; expected crops of real plates ({kinds}), in it or in folders below it")
    return crops


def _raise(error: OSError) -> None:
    raise error


def _chosen(
    source: CalibrationSource, crops: Sequence[LabelledCrop]
) -> tuple[Sequence[LabelledCrop], str, list[tuple[str, int]]]:
    """The images to use, the name of their part, and what is held back."""
    if source.split == ALL_PARTS:
        return crops, ALL_PARTS, []
    if source.split is not None:
        return keep_split(crops, source.split, source.path), source.split, []
    for part in CALIBRATION_PARTS:
        meant = [crop for crop in crops if part in (crop.split or "").lower().split("/")]
        if meant:
            return meant, part, []
    # Never the test part unasked: a figure measured on it later would mean nothing.
    roles = {part.name: part.role for _, part in parts_of([LabelSet("", tuple(crops))])}
    back = Counter(crop.split for crop in crops if crop.split and roles[crop.split] == "held out")
    usable = [crop for crop in crops if crop.split not in back]
    if not usable:
        parts = ", ".join(sorted(back)[:_SHOWN])
        raise CalibrationError(
            f"{source.path}: only parts that are there for testing ({parts}); accuracy cannot be measured on images that "
            "calibrated: add others, or name the part with --split (all for every image)"
        )
    return usable, ALL_PARTS, sorted(back.items())


def _short_names(sources: Sequence[CalibrationSource]) -> list[str]:
    """Short names that tell nothing of the machine; parts of one set share theirs, different sets have different ones."""
    paths = list(dict.fromkeys(source.path for source in sources))
    names = [Path(name).name for name in names_of_sets(paths)]
    numbered = [f"{name} ({number})" if names.count(name) > 1 else name for number, name in enumerate(names, start=1)]
    return [numbered[paths.index(source.path)] for source in sources]


def _name(image: Path, root: Path) -> str:
    relative = os.path.relpath(image, root)
    outside = relative.startswith(os.pardir) or Path(relative).is_absolute()
    # Elsewhere on the disk: the folder and the file are enough to find it, and say nothing of the machine.
    return "/".join(image.absolute().parts[-2:]) if outside else Path(relative).as_posix()
