"""What a recogniser accepts: one crop or many, as arrays or as paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgelpr.errors import ImageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image, check_image, read_image

Source: TypeAlias = str | os.PathLike[str] | NDArray[np.uint8]
"""One crop: the path of an image file, or an array (H, W) grey or (H, W, 3) BGR, uint8."""

Sources: TypeAlias = Source | Iterable[Source]
"""One crop or many; an array of four dimensions (N, H, W, 3) is N crops."""


class Crop(NamedTuple):
    """A crop on its way to the network; the image itself is not kept."""

    pixels: Image
    """(H, W) network input, uint8."""

    size: tuple[int, int]
    """Width and height in pixels before resizing."""

    seconds: float
    """Time that resizing took."""


def is_single(images: Any) -> bool:
    """Whether this is one crop: a path, or an array that is not of four dimensions."""
    if isinstance(images, np.ndarray):
        return images.ndim != 4
    return isinstance(images, (str, os.PathLike))


def each(images: Sources) -> Iterator[Any]:
    """The crops one by one, not yet checked.

    Raises:
        ImageError: neither a crop nor something that yields crops.
    """
    if is_single(images):
        return iter((images,))
    if isinstance(images, (bytes, bytearray, dict)) or not isinstance(images, Iterable):
        raise ImageError(f"expected a numpy array, a path, or several of them; found {type(images).__name__}")
    return iter(images)


def load_image(source: Any, name: str) -> Image:
    """Read or check one image.

    Args:
        source: a path or an array.
        name: what to call an array in messages.

    Raises:
        ImageError: it cannot be used as a crop.
    """
    if isinstance(source, (str, os.PathLike)):
        return read_image(os.fspath(source))
    return check_image(source, name)


def prepare(image: Image, preprocessing: Preprocessing, out: Image | None = None) -> Crop:
    """Resize a checked image to the network's input; the result shares no memory with it, so a camera may reuse its buffer.

    Args:
        image: (H, W) grey or (H, W, 3) BGR, uint8.
        preprocessing: of the network.
        out: where the input is to stand; by default in memory of its own.
    """
    start = perf_counter()
    pixels = preprocessing.apply(image, out)
    return Crop(pixels, (image.shape[1], image.shape[0]), perf_counter() - start)
