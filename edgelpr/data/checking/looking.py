"""Looking at every crop once, keeping a few numbers of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from edgelpr.data.checking.parts import Part
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import ImageError
from edgelpr.preprocessing.images import Image

THUMBNAIL_SIZE = (48, 16)
"""Width and height of the small grey picture that is kept of a crop."""

_AT_A_TIME = 256  # images handed out before their results are collected: memory stays the same for any number
_HASH_SIZE = (9, 8)  # width, height; each pixel but the last of a row is compared with the next: 64 bits


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of a crop; the image itself is not."""

    crop: LabelledCrop
    """The file and its label."""

    part: Part
    """Where it belongs."""

    error: str | None = None
    """Why the image cannot be used; the fields below then mean nothing."""

    width: int = 0
    """Pixels of the crop, after cutting."""

    height: int = 0
    """Pixels of the crop, after cutting."""

    digest: bytes = b""
    """Of the decoded pixels: the same picture stored twice has the same, whatever the file's type or name."""

    outline: int = 0
    """The difference hash, 64 bits: a picture made smaller, brighter or compressed again changes few of them."""

    thumbnail: bytes = b""
    """The crop in grey at ``THUMBNAIL_SIZE``, row by row: it tells plates apart that have the same outline."""


def look_at(
    pairs: Sequence[tuple[LabelledCrop, Part]], workers: int = 1, progress: Callable[[int], object] | None = None
) -> Iterator[Look]:
    """Look at each crop, in order.

    Args:
        pairs: crops with their parts.
        workers: threads that read and decode.
        progress: called with the number of crops done.
    """
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(pairs), _AT_A_TIME):
            yield from pool.map(lambda pair: _look(*pair), pairs[start : start + _AT_A_TIME])
            if progress is not None:
                progress(min(start + _AT_A_TIME, len(pairs)))


def difference_hash(image: Image) -> int:
    """64 bits: whether brightness falls from each of 9x8 cells to the next one in its row.

    Args:
        image: (H, W) grey or (H, W, 3) BGR, uint8.
    """
    small = _small(image, _HASH_SIZE)  # (8, 9)
    falls = small[:, :-1] > small[:, 1:]  # (8, 8)
    return int.from_bytes(np.packbits(falls).tobytes(), "big")


def thumbnail(image: Image) -> bytes:
    """A small grey picture of a crop, uint8, row by row.

    Args:
        image: (H, W) grey or (H, W, 3) BGR, uint8.
    """
    return _small(image, THUMBNAIL_SIZE).tobytes()


def _small(image: Image, size: tuple[int, int]) -> Image:
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _look(crop: LabelledCrop, part: Part) -> Look:
    try:
        image = crop.load()
    except ImageError as error:
        return Look(crop, part, str(error))
    height, width = image.shape[:2]
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return Look(crop, part, None, width, height, digest.digest(), difference_hash(image), thumbnail(image))
