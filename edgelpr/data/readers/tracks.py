"""Tracks in a CSV with the columns track and image, a line a frame."""

from __future__ import annotations

from pathlib import Path

from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.rows import as_line, read_rows
from edgelpr.data.readers.table import locate
from edgelpr.errors import DataError

_HEADER = "track,image"


def read_track_table(path: Path) -> dict[str, list[Path]]:
    """Frames of each track, tracks in the order in which they begin, frames in that of the CSV; further columns are ignored.

    Args:
        path: comma-separated, UTF-8 with or without byte-order mark; images relative to it or absolute. That they exist is left
            to whoever reads them.

    Raises:
        DataError: not UTF-8, empty, a missing column, or rows that are incomplete.
    """
    tracks: dict[str, list[Path]] = {}
    mistakes: list[str] = []
    for line, row in read_rows(path, {"track": (), "image": ()}, _HEADER):
        track, image = (row["track"] or "").strip(), (row["image"] or "").strip()
        if None in row or not track or not image:
            mistakes.append(f"line {line}: expected a track and an image file, found '{as_line(row)}'")
            continue
        tracks.setdefault(track, []).append(locate(image, path.parent))
    refuse(path, mistakes)
    if not tracks:
        raise DataError(f"{path}: a header but no frame below it; expected one line a frame, {_HEADER}")
    return tracks
