"""CCPD's own division into train, val and test: ``splits/train.txt`` with one ``ccpd_base/NAME.jpg`` a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgelpr.errors import DataError

_PARTS = ("train", "val", "test")


def official_splits(folder: Path) -> Mapping[str, str]:
    """The part of each image by ``SUBSET/NAME``; empty without split files.

    Args:
        folder: what is read: CCPD's folder, or one of its subsets; ``splits`` is looked for in it and beside it.

    Raises:
        DataError: a split file is no text, or an image stands in two of them.
    """
    parts: dict[str, str] = {}
    place = next((place for place in (folder / "splits", folder.absolute().parent / "splits") if place.is_dir()), None)
    for part in _PARTS if place else ():
        file = Path(str(place), f"{part}.txt")
        for name in _lines(file):
            if parts.setdefault(name, part) != part:
                raise DataError(f"{file}: {name} stands in {parts[name]}.txt already; an image belongs to one part")
    return parts


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        return []
    try:
        lines = file.read_text(encoding="utf-8-sig").replace("\\", "/").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as a list of images ({error})") from error
    return ["/".join(line.strip().split("/")[-2:]) for line in lines if line.strip()]
