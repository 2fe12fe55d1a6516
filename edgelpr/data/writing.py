"""Writing result files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

from edgelpr.errors import DataError
from edgelpr.preprocessing.images import Image


def write_file(path: Path, content: bytes) -> None:
    """Write a file next to its place and rename it, making the folder if need be.

    Raises:
        DataError: the folder cannot be made or the file not written; what stood there before is untouched.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{path}: cannot be written ({reason}); check the folder and the free space") from error
    finally:
        _remove(partial)


def write_image(path: Path, image: Image) -> None:
    """Write an image in the format of the path's suffix.

    Args:
        path: ending in .png, .jpg or another suffix that OpenCV writes.
        image: (H, W) grey or (H, W, 3) BGR, uint8.

    Raises:
        DataError: an unknown suffix, or the file cannot be written.
    """
    try:
        done, content = cv2.imencode(path.suffix, image)
    except cv2.error as error:
        raise DataError(f"{path}: OpenCV writes no files ending in '{path.suffix}'; choose .png or .jpg") from error
    if not done:
        raise DataError(f"{path}: OpenCV could not encode the image")
    write_file(path, content.tobytes())


def _remove(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except OSError:  # its folder is gone or read-only: then it was never there
        return
