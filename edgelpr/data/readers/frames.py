"""Frames of tracks in a CSV, perhaps with the plate that each track shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.rows import Row, as_line, read_rows
from edgelpr.data.readers.table import locate
from edgelpr.errors import DataError

_HEADER, _LABELLED_HEADER = "track,image[,split]", "track,image,plate[,split]"


@dataclass(frozen=True)
class LabelledFrame(LabelledCrop):
    """A frame of a track; its plate is empty where none is told."""

    track: str = ""
    """Name of the track; frames of one name are one track, in their order."""


def names_tracks(path: Path) -> bool:
    """Whether a CSV has the column ``track``, and so holds frames rather than single crops.

    Raises:
        DataError: not a CSV with the column ``image``.
    """
    rows = read_rows(path, {"image": ()}, "image,plate[,split]")
    return bool(rows) and "track" in rows[0][1]


def read_frames(path: Path, labelled: bool = False) -> list[LabelledFrame]:
    """Frames in the order of the CSV; further columns are ignored.

    Args:
        path: comma-separated, UTF-8 with or without byte-order mark; images relative to it or absolute.
        labelled: whether the column ``plate`` must be there and filled.

    Raises:
        DataError: not UTF-8, empty, a missing column, or rows that are incomplete, without a file, or give one track two plates
            or two parts.
    """
    columns = ("track", "image", "plate") if labelled else ("track", "image")
    header = _LABELLED_HEADER if labelled else _HEADER
    first: dict[str, LabelledFrame] = {}
    frames: list[LabelledFrame] = []
    mistakes: list[str] = []
    for line, row in read_rows(path, dict.fromkeys(columns, ()), header):
        frame = _frame(row, path.parent)
        mistake = _mistake(row, frame, first.get(frame.track), labelled)
        if mistake:
            mistakes.append(f"line {line}: {mistake}")
            continue
        first.setdefault(frame.track, frame)
        frames.append(frame)
    refuse(path, mistakes)
    if not frames:
        raise DataError(f"{path}: a header but no frame below it; expected one line a frame, {header}")
    return frames


def _frame(row: Row, folder: Path) -> LabelledFrame:
    track, image, plate, split = ((row.get(name) or "").strip() for name in ("track", "image", "plate", "split"))
    return LabelledFrame(locate(image, folder), plate, split or None, track=track)


def _mistake(row: Row, frame: LabelledFrame, first: LabelledFrame | None, labelled: bool) -> str | None:
    if None in row or not frame.track or not (row["image"] or "").strip():
        return f"expected a track and an image file, found '{as_line(row)}'"
    if labelled and not frame.plate:
        return f"no plate for {row['image']}"
    if not frame.path.is_file():
        return f"{frame.path} does not exist"
    if first is not None and first.plate != frame.plate:
        return f"track '{frame.track}' shows '{frame.plate}' here and '{first.plate}' before"
    if first is not None and first.split != frame.split:
        return f"track '{frame.track}' is of the part '{frame.split or ''}' here and '{first.split or ''}' before"
    return None
