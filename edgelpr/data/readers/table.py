"""Labels in a CSV with the columns image, plate and, if there are parts, split."""

from __future__ import annotations

import os
from pathlib import Path

from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.rows import Row, read_rows
from edgelpr.errors import DataError

_HEADER = "image,plate[,split]"


def read_table(path: Path) -> list[LabelledCrop]:
    """Labelled plates of a CSV, in its order; further columns are ignored.

    Args:
        path: comma-separated, UTF-8 with or without byte-order mark; images relative to it or absolute.

    Raises:
        DataError: not UTF-8, empty, a missing column, or rows that are incomplete, repeated or without a file.
    """
    rows = read_rows(path, {"image": (), "plate": ()}, _HEADER)
    seen: dict[str, int] = {}
    labelled: list[LabelledCrop] = []
    mistakes: list[str] = []
    for line, row in rows:
        mistake = _mistake(row, path.parent, seen)
        if mistake:
            mistakes.append(f"line {line}: {mistake}")
            continue
        image = locate(row["image"] or "", path.parent)
        seen[os.path.normpath(image)] = line
        labelled.append(LabelledCrop(image, (row["plate"] or "").strip(), (row.get("split") or "").strip() or None))
    refuse(path, mistakes)
    if not labelled:
        raise DataError(f"{path}: a header but no plate below it; expected one line a plate")
    return labelled


def _mistake(row: Row, folder: Path, seen: dict[str, int]) -> str | None:
    if None in row or None in (row["image"], row["plate"]):
        return "not as many cells as the header has columns"
    if not (row["image"] or "").strip():
        return "no image file named"
    if not (row["plate"] or "").strip():
        return f"no plate for {row['image']}"
    image = locate(row["image"] or "", folder)
    first = seen.get(os.path.normpath(image))
    if first is not None:
        return f"{row['image']} stands on line {first} already"
    return None if image.is_file() else f"{image} does not exist"


def locate(name: str, folder: Path) -> Path:
    """Where an image that a CSV names lies; backslashes are separators where there is no file of that very name.

    Args:
        name: as in the CSV, relative to its folder or absolute.
        folder: of the CSV.
    """
    image = folder / name.strip()
    if not image.exists() and "\\" in name:  # written on Windows, read on a board
        return folder / name.strip().replace("\\", "/")
    return image
