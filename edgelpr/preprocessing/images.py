"""Reading image files and checking arrays before they count as crops."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.errors import ImageError
from edgelpr.preprocessing.headers import announced_size, is_altered, is_cut_short, is_jpeg

Image = NDArray[np.uint8]
"""A crop: (H, W) grey or (H, W, 3) BGR as OpenCV reads it, uint8, 0 to 255."""

MIN_HEIGHT, MIN_WIDTH = 4, 8
"""A smaller crop cannot hold characters."""

MAX_SIDE = 8192
"""A larger image is a photograph or a mistake, not the crop of one plate."""

_MAX_BYTES = 256 << 20

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What counts as an image when a folder is searched, lower case."""


def read_image(path: str | Path) -> Image:
    """Decode one image file: JPEG, PNG, BMP, TIFF, PPM or WebP.

    A JPEG is turned as the orientation in its EXIF data says, so that a phone's crop is upright, as in every viewer and
    in ``cv2.imread``; boxes and corners given for such a file count in the picture as shown.

    Returns:
        (H, W) or (H, W, 3) BGR, uint8.

    Raises:
        ImageError: missing, empty, not decodable, not 8 bits a channel, with transparency, too small or too large.
    """
    content = _read_bytes(path)
    size = announced_size(content)
    if size is not None:
        _check_size(size, str(path))
    if is_cut_short(content):
        raise ImageError(f"{path}: the file is cut short; copy it again")
    if is_altered(content):
        raise ImageError(f"{path}: the file is damaged, its content does not match its checksum; copy it again")
    image = None if size is None else _decode(content, str(path))
    if image is None:
        raise ImageError(f"{path}: not an image, or damaged; expected a whole JPEG, PNG, BMP, TIFF, PPM or WebP file")
    return check_image(image, str(path))


def check_image(image: Any, name: str = "image") -> Image:
    """Check that an array is a usable crop; grey in three dimensions loses the last one.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3) BGR, uint8.
        name: what to call it in the message.

    Raises:
        ImageError: any other type, shape or size.
    """
    if not isinstance(image, np.ndarray):
        raise ImageError(f"{name}: expected a numpy array of uint8 or a path, found {type(image).__name__}")
    if image.dtype != np.uint8:
        raise ImageError(f"{name}: {_dtype_advice(image)}")
    if image.ndim == 3 and image.shape[2] in (2, 4):
        raise ImageError(f"{name}: has an alpha channel (shape {image.shape}); flatten it onto a background first")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise ImageError(f"{name}: shape {image.shape}; expected (H, W) grey or (H, W, 3) BGR")
    _check_size(image.shape[:2], name)
    return image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image


def _read_bytes(path: str | Path) -> bytes:
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{path}: is a folder; pass the image files in it, for example sorted(Path(folder).glob('*.jpg'))")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path}: is not a regular file; expected an image file")
        if status.st_size > _MAX_BYTES:
            raise ImageError(f"{path}: {status.st_size >> 20} MiB is no crop of one plate; cut the plate out first")
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"{path}: cannot be read ({reason}); expected an image file") from error
    if not content:
        raise ImageError(f"{path}: the file is empty; expected an image")
    return content


def _decode(content: bytes, name: str) -> NDArray[Any] | None:
    # Unchanged shows 16 bits and transparency, which are refused, but ignores the orientation; a JPEG has neither.
    flags = cv2.IMREAD_ANYCOLOR if is_jpeg(content) else cv2.IMREAD_UNCHANGED
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"{name}: cannot be decoded, its header announces an impossible size or it is damaged") from error


def _check_size(size: tuple[int, ...], name: str) -> None:
    height, width = size
    found = f"{name}: {width}x{height} pixels"
    if height < MIN_HEIGHT or width < MIN_WIDTH:
        raise ImageError(f"{found} is too small for a plate; expected at least {MIN_WIDTH}x{MIN_HEIGHT}")
    if max(height, width) > MAX_SIDE:
        raise ImageError(f"{found} is no crop of one plate; cut the plate out first (at most {MAX_SIDE} a side)")


def _dtype_advice(image: NDArray[Any]) -> str:
    found = f"found {image.dtype}"
    if image.dtype == np.uint16:
        return f"16 bits a channel; expected 8 (uint8), {found}: convert it first, for example (image // 257).astype('uint8')"
    if np.issubdtype(image.dtype, np.floating):
        bad = "" if np.isfinite(image).all() else " with NaN or infinite values"
        return f"expected uint8 from 0 to 255, {found}{bad}: scale it to 0..255 and convert it"
    return f"expected uint8 from 0 to 255, {found}"
