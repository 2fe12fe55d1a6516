"""Writing result files whole or not at all, and making the folders that they go to."""

from __future__ import annotations

from pathlib import Path

import cv2

from edgelpr.atomic import write_atomically
from edgelpr.errors import DataError, EdgelprError
from edgelpr.preprocessing.images import Image


def make_folder(folder: Path, refusal: str = "the folder cannot be made", kind: type[EdgelprError] = DataError) -> None:
    """Make a folder, where it is absent, before work is done for what goes into it.

    Args:
        folder: and those above it.
        refusal: what is said where it cannot be made, beside the folder and the reason.
        kind: of the error.

    Raises:
        EdgelprError: of that kind: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise kind(f"{folder}: {refusal} ({error.strerror or error})") from error


def write_file(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file whole or not at all, making the folder if need be.

    Args:
        path: destination, replaced when it exists.
        content: the whole file.
        sync: whether to wait for the disk; see ``write_atomically``.

    Raises:
        DataError: the folder cannot be made or the file not written; what stood there before is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content, sync=sync)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{path}: cannot be written ({reason}); check the folder and the free space") from error


def write_image(path: Path, image: Image, *, sync: bool = True) -> None:
    """Write an image in the format of the path's suffix.

    Args:
        path: ending in .png, .jpg or another suffix that OpenCV writes.
        image: (H, W) grey or (H, W, 3) BGR, uint8.
        sync: whether to wait for the disk; see ``write_atomically``.

    Raises:
        DataError: an unknown suffix, or the file cannot be written.
    """
    try:
        done, content = cv2.imencode(path.suffix, image)
    except cv2.error as error:
        raise DataError(f"{path}: OpenCV writes no files ending in '{path.suffix}'; choose .png or .jpg") from error
    if not done:
        raise DataError(f"{path}: OpenCV could not encode the image")
    write_file(path, content.tobytes(), sync=sync)
