"""AOLP in the layout of the HPA authors, and as it is published.

The authors': crops ``RP/image/RP_607.png`` beside ``RP/char/RP_607.txt``; a text file holds one class index a line (0-9,
then A-Z without I and O) or the plate as text. Where there is no text file the plate is taken from the file's name.

Published: whole images ``Subset_RP/Image/607.jpg`` beside ``groundtruth_recognition/607.txt``, one character a line, and
``groundtruth_localization/607.txt``, two opposite corners of the plate's box, one number a line. A second plate of an image
(``607_2.txt``) is left out: the papers count one plate an image.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgelpr.data.cropping import Cut
from edgelpr.data.folders import find_images, folder_as_split
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.names import plate_of_name, without_separators
from edgelpr.errors import DataError

_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_SUBSET = re.compile(r"(?:AOLP[_-])?(?:Subset[_-])?(AC|LE|RP)", re.IGNORECASE)
_INDICES, _RECOGNITION, _LOCALIZATION = "char", "groundtruth_recognition", "groundtruth_localization"


def read_aolp(folder: Path) -> list[LabelledCrop]:
    """Labelled plates of a folder and those below it, sorted by path; the subset's name (AC, LE, RP) is the split.

    Raises:
        DataError: an image without its text files, or a text file that is neither indices, a plate nor a box.
    """
    labelled: list[LabelledCrop] = []
    mistakes: list[str] = []
    for image in find_images(folder):
        try:
            plate, cut = _published(image) if _is_published(image) else (_plate(image), None)
        except DataError as error:
            mistakes.append(str(error))
        else:
            labelled.append(LabelledCrop(image, plate, _subset(image, folder), cut))
    refuse(folder, mistakes)
    return labelled


def _subset(image: Path, folder: Path) -> str | None:
    # The subset may be a folder that is read, one below it, or, where only its images are read, the one above.
    first = max(len(folder.absolute().parts) - 2, 0)
    named = [match[1] for part in image.absolute().parts[first:-1] if (match := _SUBSET.fullmatch(part))]
    if named:
        return named[-1].upper()
    split = folder_as_split(image, folder)
    if not _in_image_folder(image):
        return split
    return image.absolute().parent.parent.name if split in (None, image.parent.name) else str(split).rpartition("/")[0]


def _in_image_folder(image: Path) -> bool:
    return image.parent.name.lower() == "image"


def _is_published(image: Path) -> bool:
    return _in_image_folder(image) and (image.parent.parent / _RECOGNITION).is_dir()


def _published(image: Path) -> tuple[str, Cut | None]:
    plate = without_separators("".join(_words(_text(image, _RECOGNITION), "the plate, one character a line")))
    if not (image.parent.parent / _LOCALIZATION).is_dir():
        return plate, None  # cut already
    box = _text(image, _LOCALIZATION)
    words = _words(box, "two corners, one number a line")
    try:
        x0, y0, x1, y1 = (round(float(word)) for word in words)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{box}: {' '.join(words)!r} is no box; expected x, y of two corners, one number a line") from error
    return plate, Cut((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))


def _text(image: Path, kind: str) -> Path:
    text = image.parent.parent / kind / f"{image.stem}.txt"
    if not text.is_file():
        raise DataError(f"{image}: its label {text} does not exist")
    return text


def _plate(image: Path) -> str:
    if _in_image_folder(image) and (image.parent.parent / _INDICES).is_dir():
        return _parse(_text(image, _INDICES))
    text = image.with_suffix(".txt")
    if text.is_file():
        return _parse(text)
    plate = plate_of_name(image.name)
    if not plate:
        raise DataError(f"{image}: no label {text.name} beside it and no plate in its name")
    return plate


def _parse(path: Path) -> str:
    words = _words(path, "one class index a line, or the plate")
    if len(words) == 1 or not all(word.isascii() and word.isdigit() for word in words):
        return "".join(words)
    outside = [word for word in words if int(word) >= len(_CHARACTERS)]
    if outside:
        raise DataError(f"{path}: class index {outside[0]}; expected 0 to {len(_CHARACTERS) - 1}")
    return "".join(_CHARACTERS[int(word)] for word in words)


def _words(path: Path, expected: str) -> list[str]:
    try:
        words = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error})") from error
    if not words:
        raise DataError(f"{path}: empty; expected {expected}")
    return words
