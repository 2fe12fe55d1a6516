"""Labels in the file names: 皖A12345.jpg, 皖A12345_3.jpg."""

from __future__ import annotations

import re
from pathlib import Path

from edgelpr.data.folders import find_images, folder_as_split
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse

_SEPARATORS = re.compile(r"[\s·•.\-]")


def plate_of_name(name: str) -> str:
    """The plate in a file name: everything before the first underscore or dot; may be empty."""
    return re.split(r"[_.]", name, maxsplit=1)[0].strip()


def without_separators(plate: str) -> str:
    """A plate in capitals without the blanks, dots and hyphens that group its characters."""
    return _SEPARATORS.sub("", plate).upper()


def read_names(folder: Path) -> list[LabelledCrop]:
    """Labelled plates of a folder and those below it, sorted by path; the folder's name is the split.

    Raises:
        DataError: a file whose name begins with an underscore, so that no plate is left.
    """
    images = list(find_images(folder))
    nameless = [image for image in images if not plate_of_name(image.name)]
    refuse(folder, [f"{image}: no plate before the first '_' or '.' of the name" for image in nameless])
    return [LabelledCrop(image, plate_of_name(image.name), folder_as_split(image, folder)) for image in images]
