"""Finding image files in folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edgelpr.preprocessing.images import IMAGE_SUFFIXES


def find_images(folder: Path) -> Iterator[Path]:
    """Image files in a folder and below it, by suffix, sorted; hidden files and folders are left out."""
    for parent, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for file in sorted(files):
            if file.lower().endswith(IMAGE_SUFFIXES) and not file.startswith("."):
                yield Path(parent, file)


def folder_as_split(image: Path, root: Path) -> str | None:
    """The folder of an image relative to the one that was read, ``a/b``; None for the folder itself."""
    relative = image.parent.relative_to(root).as_posix()
    return None if relative == "." else relative
