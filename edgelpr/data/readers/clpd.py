"""CLPD: ``CLPD.csv`` with the columns path,x1,y1,x2,y2,x3,y3,x4,y4,label beside the folder ``CLPD_1200``.

The points are the plate's corners, from the top left clockwise, in pixels of the whole image.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgelpr.data.cropping import Cut
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.names import without_separators
from edgelpr.data.readers.rows import Row, read_rows
from edgelpr.errors import DataError

SPLIT = "test"
"""All of CLPD tests; models are trained on CCPD-base (HPA paper, section "Datasets")."""

_TABLE = "clpd.csv"
_POINTS = tuple(f"{axis}{number}" for number in (1, 2, 3, 4) for axis in "xy")
_COLUMNS = {"path": ("image", "file", "filename", "name"), **dict.fromkeys(_POINTS, ()), "label": ("plate", "text", "number")}
_HEADER = "path,x1,y1,x2,y2,x3,y3,x4,y4,label"
_ENCODINGS = ("utf-8-sig", "gb18030")  # published as GBK, which GB18030 includes; people save it as UTF-8


def read_clpd(folder: Path) -> list[LabelledCrop]:
    """Labelled plates of a CLPD folder, in the order of its CSV, with where to cut them; their split is ``test``.

    Column names may be in either case; the CSV may be UTF-8 or GBK and may also lie inside the folder of images.

    Raises:
        DataError: no CSV, a missing column, or rows without a file, a plate or four corners.
    """
    table = _table(folder)
    labelled: list[LabelledCrop] = []
    mistakes: list[str] = []
    for line, row in read_rows(table, _COLUMNS, _HEADER, _ENCODINGS):
        try:
            labelled.append(_crop(row, table.parent))
        except DataError as error:
            mistakes.append(f"line {line}: {error}")
    refuse(table, mistakes)
    if not labelled:
        raise DataError(f"{table}: a header but no plate below it; expected one line a plate")
    return labelled


def _table(folder: Path) -> Path:
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = [file for place in places for file in sorted(place.iterdir()) if file.name.lower() == _TABLE]
    if not found:
        raise DataError(f"{folder}: no CLPD.csv in it; expected CLPD.csv beside the folder CLPD_1200, as CLPD is published")
    return found[0]


def _crop(row: Row, folder: Path) -> LabelledCrop:
    if None in row or any(row[column] is None for column in _COLUMNS):
        raise DataError("not as many cells as the header has columns")
    plate = without_separators(row["label"] or "")
    if not plate:
        raise DataError(f"no plate for {row['path']}")
    return LabelledCrop(_image(row["path"] or "", folder), plate, SPLIT, Cut.around(list(_points(row))))


def _points(row: Row) -> Iterator[tuple[int, int]]:
    for number in (1, 2, 3, 4):
        x, y = row[f"x{number}"] or "", row[f"y{number}"] or ""
        try:
            yield round(float(x)), round(float(y))
        except (ValueError, OverflowError) as error:
            raise DataError(f"corner {number} of {row['path']} is '{x}', '{y}'; expected two numbers of pixels") from error


def _image(name: str, folder: Path) -> Path:
    relative = Path(name.strip().replace("\\", "/"))
    for image in (folder / relative, folder / relative.name):  # the CSV lies beside the images' folder, or in it
        if image.is_file():
            return image
    raise DataError(f"{folder / relative} does not exist")
