"""AOLP as the HPA authors lay it out: ``RP/image/RP_607.png`` beside ``RP/char/RP_607.txt``.

A text file holds one class index a line (0-9, then A-Z without I and O) or the plate as text. Where there is no text file
the plate is taken from the file's name.
"""

from __future__ import annotations

from pathlib import Path

from edgelpr.data.folders import find_images, folder_as_split
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.readers.mistakes import refuse
from edgelpr.data.readers.names import plate_of_name
from edgelpr.errors import DataError

_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def read_aolp(folder: Path) -> list[LabelledCrop]:
    """Labelled plates of a folder and those below it, sorted by path; the subset's name (AC, LE, RP) is the split.

    Raises:
        DataError: a crop without its text file, or a text file that is neither indices nor a plate.
    """
    labelled: list[LabelledCrop] = []
    mistakes: list[str] = []
    for image in find_images(folder):
        try:
            plate = _plate(image)
        except DataError as error:
            mistakes.append(str(error))
        else:
            labelled.append(LabelledCrop(image, plate, _subset(image, folder)))
    refuse(folder, mistakes)
    return labelled


def _subset(image: Path, folder: Path) -> str | None:
    within = folder_as_split(image, folder)
    if image.parent.name.lower() != "image":
        return within
    return image.absolute().parent.parent.name if within in (None, image.parent.name) else str(within).rpartition("/")[0]


def _plate(image: Path) -> str:
    folder = image.parent.parent / "char"
    own_folder = image.parent.name.lower() == "image" and folder.is_dir()
    text = folder / f"{image.stem}.txt" if own_folder else image.with_suffix(".txt")
    if text.is_file():
        return _parse(text)
    if own_folder:
        raise DataError(f"{image}: its label {text} does not exist")
    plate = plate_of_name(image.name)
    if not plate:
        raise DataError(f"{image}: no label {text.name} beside it and no plate in its name")
    return plate


def _parse(path: Path) -> str:
    try:
        words = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error})") from error
    if not words:
        raise DataError(f"{path}: empty; expected one class index a line, or the plate")
    if len(words) == 1 or not all(word.isascii() and word.isdigit() for word in words):
        return "".join(words)
    outside = [word for word in words if int(word) >= len(_CHARACTERS)]
    if outside:
        raise DataError(f"{path}: class index {outside[0]}; expected 0 to {len(_CHARACTERS) - 1}")
    return "".join(_CHARACTERS[int(word)] for word in words)
