"""Labels in a CSV with the columns image, plate and, if there are parts, split."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse
from edgelpr.errors import DataError

_Row = dict[str, str | None]


def read_table(path: Path) -> list[LabelledCrop]:
    """Labelled plates of a CSV, in its order; further columns are ignored.

    Args:
        path: comma-separated, UTF-8 with or without byte-order mark; images relative to it or absolute.

    Raises:
        DataError: not UTF-8, empty, a missing column, or rows that are incomplete, repeated or without a file.
    """
    rows = _rows(path)
    seen: dict[str, int] = {}
    labelled: list[LabelledCrop] = []
    mistakes: list[str] = []
    for line, row in rows:
        mistake = _mistake(row, path.parent, seen)
        if mistake:
            mistakes.append(f"line {line}: {mistake}")
            continue
        image = _locate(row["image"] or "", path.parent)
        seen[os.path.normpath(image)] = line
        labelled.append(LabelledCrop(image, (row["plate"] or "").strip(), (row.get("split") or "").strip() or None))
    refuse(path, mistakes)
    if not labelled:
        raise DataError(f"{path}: a header but no plate below it; expected one line a plate")
    return labelled


def _rows(path: Path) -> list[tuple[int, _Row]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save the CSV as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not text.strip():
        raise DataError(f"{path}: the file is empty; expected a CSV with the header image,plate")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or []]
        missing = [name for name in ("image", "plate") if name not in reader.fieldnames]
        if missing:
            found = ",".join(reader.fieldnames)
            expected = "the header image,plate[,split]"
            raise DataError(f"{path}, line 1: no column '{missing[0]}'; expected {expected}, found '{found}'")
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.reader.line_num}: not a valid CSV ({error})") from error


def _mistake(row: _Row, folder: Path, seen: dict[str, int]) -> str | None:
    if None in row or None in (row["image"], row["plate"]):
        return "not as many cells as the header has columns"
    if not (row["image"] or "").strip():
        return "no image file named"
    if not (row["plate"] or "").strip():
        return f"no plate for {row['image']}"
    image = _locate(row["image"] or "", folder)
    first = seen.get(os.path.normpath(image))
    if first is not None:
        return f"{row['image']} stands on line {first} already"
    return None if image.is_file() else f"{image} does not exist"


def _locate(name: str, folder: Path) -> Path:
    image = folder / name.strip()
    if not image.exists() and "\\" in name:  # written on Windows, read on a board
        return folder / name.strip().replace("\\", "/")
    return image
