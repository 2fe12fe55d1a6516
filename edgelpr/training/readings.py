"""What a reader made of labelled plates, ours or another one, as a CSV or from an evaluation."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.rows import Row, read_rows
from edgelpr.errors import DataError
from edgelpr.training.scores import Evaluation

_HEADER = "image,plate,read"


@dataclass(frozen=True)
class PlateReading:
    """What a reader made of a plate."""

    image: Path
    """The image file."""

    plate: str
    """What stands on it."""

    read: str
    """What was read; empty if nothing was."""


def read_readings(path: Path) -> tuple[PlateReading, ...]:
    """Readings from a CSV with the columns image, plate and read, as ``edgelpr eval --csv`` writes it.

    Args:
        path: comma-separated, UTF-8; images relative to it or absolute, they need not exist; further columns are ignored.

    Raises:
        DataError: not UTF-8, empty, a missing column, an incomplete row, or an image that stands there twice.
    """
    seen: dict[Path, int] = {}
    readings: list[PlateReading] = []
    mistakes: list[str] = []
    for line, row in read_rows(path, {"image": (), "plate": (), "read": ()}, _HEADER):
        reading = _reading(row, path.parent)
        if reading is None:
            mistakes.append(f"line {line}: expected an image, its plate and what was read (empty if nothing was)")
        elif reading.image in seen:
            mistakes.append(f"line {line}: {row['image']} stands on line {seen[reading.image]} already")
        else:
            seen[reading.image] = line
            readings.append(reading)
    refuse(path, mistakes)
    if not readings:
        raise DataError(f"{path}: a header but no plate below it; expected one line a plate")
    return tuple(readings)


def readings_of(evaluation: Evaluation) -> tuple[PlateReading, ...]:
    """The readings of an evaluation; a file that could not be read counts as read wrong."""
    return tuple(PlateReading(score.crop.path, score.crop.plate, score.read) for score in evaluation.scores)


def _reading(row: Row, folder: Path) -> PlateReading | None:
    image, plate, read = row["image"], row["plate"], row["read"]
    if None in row or image is None or plate is None or read is None or not image.strip() or not plate.strip():
        return None
    place = folder / image.strip().replace("\\", "/")  # written on Windows, compared elsewhere
    return PlateReading(Path(os.path.abspath(place)), plate.strip(), read.strip())  # noqa: PTH100  links keep their names
