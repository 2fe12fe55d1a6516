"""Which tracks a user means: frames one by one, a folder a track, or a CSV."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgelpr.errors import DataError

_TABLE = ".csv"


@dataclass(frozen=True)
class WantedTrack:
    """Frames of one plate that the user asked to be read together."""

    name: str
    """Of the track: the folder, the value in the CSV, or the first of the files named one by one."""

    frames: tuple[Path, ...]
    """Image files, in order; whether they exist shows when they are read."""

    problem: str | None = None
    """Why there is no frame; the name is then what was asked for."""


def wanted_tracks(arguments: Sequence[str]) -> list[WantedTrack]:
    """Tracks in the order asked for, no two of one name.

    Args:
        arguments: image files or patterns (``*``, ``?``), which all together are one track; folders, where each that holds
            images is a track, in order of their names as people count; CSVs with the columns track and image. A folder or a
            pattern that holds nothing is a track with a problem.

    Raises:
        DataError: a CSV with mistakes, or nothing that holds a frame.
    """
    singles: list[Path] = []
    tracks: list[WantedTrack] = []
    for argument in arguments:
        paths = _matching(argument)
        if not paths:
            tracks.append(WantedTrack(argument, (), "no file matches this pattern"))
        for path in paths:
            if path.is_dir():
                tracks += _of_folder(path)
            elif path.suffix.lower() == _TABLE:
                tracks += _of_table(path)
            else:
                singles.append(path)
    if singles:
        tracks.insert(0, WantedTrack(str(singles[0]), tuple(singles)))
    if all(track.problem for track in tracks):
        reasons = "; ".join(f"{track.name}: {track.problem}" for track in tracks)
        raise DataError(
            f"no frame found ({reasons}); expected the frames of one plate, a folder a track, or a CSV with the columns "
            "track,image"
        )
    return list(_with_own_names(tracks))


def _matching(argument: str) -> list[Path]:
    from edgelpr.data.readers.track_folders import in_order

    if glob.has_magic(argument) and not Path(argument).exists():
        return in_order(Path(name) for name in glob.glob(argument, recursive=True))  # noqa: PTH207 - may be absolute
    return [Path(argument)]


def _of_folder(folder: Path) -> list[WantedTrack]:
    """A track for each folder that holds images itself."""
    from edgelpr.data.readers.track_folders import tracks_in_folder

    tracks = [WantedTrack(str(place), tuple(frames)) for place, frames in tracks_in_folder(folder).items()]
    return tracks or [WantedTrack(str(folder), (), "no image in this folder or below it")]


def _of_table(path: Path) -> list[WantedTrack]:
    from edgelpr.data.readers.tracks import read_track_table

    return [WantedTrack(name, tuple(frames)) for name, frames in read_track_table(path).items()]


def _with_own_names(tracks: Sequence[WantedTrack]) -> Iterator[WantedTrack]:
    """The same, numbered where a name stands twice, as in two CSVs; ``a`` and ``./a`` are one, as their drawings would be."""
    taken: set[Path] = set()
    for track in tracks:
        name, number = track.name, 1
        while Path(name) in taken:
            number += 1
            name = f"{track.name} ({number})"
        taken.add(Path(name))
        yield replace(track, name=name)
