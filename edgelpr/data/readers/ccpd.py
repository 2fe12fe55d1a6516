"""CCPD: everything about an image stands in its name.

``025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15.jpg``: share of the image, tilts,
box (top left, bottom right), corners from the bottom right clockwise, plate, brightness, blur.
The plate is the index of each character in CCPD's own lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from edgelpr.data.cropping import Cut, Point
from edgelpr.data.folders import find_images, folder_as_split
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.official_splits import official_splits
from edgelpr.errors import DataError

_PROVINCES = "皖沪津渝冀晋蒙辽吉黑苏浙京闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新警学O"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZO"
_LETTERS_AND_DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789O"
_NO_CHARACTER = "O"
_WITHOUT_PLATES = "ccpd_np"
_POINT = r"(\d+)&(\d+)"
_POINTS = {count: re.compile("_".join([_POINT] * count)) for count in (2, 4)}


def read_ccpd(folder: Path) -> list[LabelledCrop]:
    """Labelled plates of a CCPD folder and those below it, sorted by path.

    The folder's name is the split; where CCPD's own ``splits`` lie there, it follows the part they give an image:
    ``train/ccpd_base``, ``test/ccpd_tilt``. Whole images carry where to cut; crops under the same names are taken as
    they are. ``ccpd_np``, the images without a plate, is left out.

    Raises:
        DataError: a file whose name is not CCPD's, or split files that contradict each other.
    """
    parts = official_splits(folder)
    labelled: list[LabelledCrop] = []
    mistakes: list[str] = []
    for image in find_images(folder):
        if _WITHOUT_PLATES in image.relative_to(folder).parts:
            continue
        try:
            plate, cut = parse_name(image.stem)
        except DataError as error:
            mistakes.append(f"{image}: {error}")
        else:
            labelled.append(LabelledCrop(image, plate, _split(image, folder, parts), cut))
    refuse(folder, mistakes)
    return labelled


def _split(image: Path, folder: Path, parts: Mapping[str, str]) -> str | None:
    subset = folder_as_split(image, folder)
    part = parts.get(f"{image.absolute().parent.name}/{image.name}") or parts.get(image.name)
    return "/".join(filter(None, (part, subset))) or None


def parse_name(stem: str) -> tuple[str, Cut]:
    """Plate and place of one CCPD file name without its suffix.

    Raises:
        DataError: a field is missing or is not what CCPD writes.
    """
    fields = stem.split("-")
    if len(fields) < 5:
        expected = "share-tilts-box-corners-plate-brightness-blur"
        raise DataError(f"the name has {len(fields)} of the 7 fields that CCPD writes ({expected})")
    (x0, y0), (x1, y1) = _points(fields[2], 2, "box")
    bottom_right, bottom_left, top_left, top_right = _points(fields[3], 4, "corners")
    return _plate(fields[4]), Cut((x0, y0, x1, y1), (top_left, top_right, bottom_right, bottom_left))


def _points(field: str, count: int, what: str) -> list[Point]:
    match = _POINTS[count].fullmatch(field)
    if match is None:
        raise DataError(f"the field '{field}' is not the {what}; CCPD writes {count} points x&y joined by '_'")
    numbers = [int(number) for number in match.groups()]
    return list(zip(numbers[::2], numbers[1::2]))


def _plate(field: str) -> str:
    indices = field.split("_")
    if len(indices) not in (7, 8) or not all(index.isascii() and index.isdigit() for index in indices):
        raise DataError(f"the field '{field}' is not the plate; CCPD writes 7 or 8 indices joined by '_'")
    lists = [_PROVINCES, _LETTERS] + [_LETTERS_AND_DIGITS] * (len(indices) - 2)
    outside = [index for index, characters in zip(indices, lists) if int(index) >= len(characters)]
    if outside:
        raise DataError(f"the plate '{field}' has the index {outside[0]}, beyond CCPD's list of characters")
    return "".join(characters[int(index)] for index, characters in zip(indices, lists)).replace(_NO_CHARACTER, "")
