"""The identity of a crop, and of a set of labelled plates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from edgelpr.data.labelled import LabelledCrop
from edgelpr.preprocessing.images import Image


def pixel_sha256(crop: Image) -> str:
    """SHA-256 over shape and pixels of a crop, in hexadecimal: the same for one picture in two lossless files.

    Args:
        crop: (H, W) grey or (H, W, 3) BGR, uint8.
    """
    return hashlib.sha256(f"{crop.shape}".encode() + np.ascontiguousarray(crop).tobytes()).hexdigest()


def data_sha256(labelled: Iterable[LabelledCrop]) -> str:
    """SHA-256 over plates, places and the bytes of the image files, in hexadecimal.

    The order of the plates and the names of files and folders do not count, so that the same data give the same
    value on every machine. A file that cannot be opened counts as absent.
    """
    lines = sorted(f"{crop.plate}\t{crop.cut or ''}\t{_file_sha256(crop)}" for crop in labelled)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _file_sha256(crop: LabelledCrop) -> str:
    try:
        return hashlib.sha256(crop.path.read_bytes()).hexdigest()
    except OSError:
        return "absent"
