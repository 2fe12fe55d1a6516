"""Media Lab (Greek plates): folders ``normal`` and ``difficult`` of crops named by their plate, ``normal/YAB1234_2.jpg``.

The data set is published as photographs without their plates' text; crops in this layout are what it takes to train.
A text file of the same name beside a crop comes before the name.
"""

from __future__ import annotations

from pathlib import Path

from edgelpr.data.folders import find_images
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.names import plate_of_name, without_separators
from edgelpr.errors import DataError

SUBSETS = ("normal", "difficult")
"""The paper divides the normal subset into four parts; the difficult one always trains."""

# Greek plates use only the letters that look alike in both scripts; the plate format 'gr' has the Latin ones.
_TO_LATIN = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX")


def read_medialab(folder: Path) -> list[LabelledCrop]:
    """Labelled plates of a folder, sorted by path; the subset is the split.

    Greek letters become the Latin ones they look like; hyphens and blanks in a plate are dropped.

    Raises:
        DataError: a crop outside the two folders, or one without a plate.
    """
    labelled: list[LabelledCrop] = []
    mistakes: list[str] = []
    for image in find_images(folder):
        try:
            labelled.append(LabelledCrop(image, _plate(image), _subset(image, folder)))
        except DataError as error:
            mistakes.append(str(error))
    refuse(folder, mistakes)
    return labelled


def _subset(image: Path, folder: Path) -> str:
    for part in (folder.absolute().name, *image.relative_to(folder).parts[:-1]):
        if part.lower() in SUBSETS:
            return part.lower()
    raise DataError(f"{image}: in neither of the folders normal and difficult; Media Lab's plates lie in these two")


def _plate(image: Path) -> str:
    text = image.with_suffix(".txt")
    try:
        written = text.read_text(encoding="utf-8-sig") if text.is_file() else plate_of_name(image.name)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{text}: cannot be read as text ({error})") from error
    plate = without_separators(written).translate(_TO_LATIN)
    if not plate:
        raise DataError(f"{image}: no plate in its name, and none in {text.name} beside it")
    return plate
