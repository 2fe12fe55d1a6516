"""Cutting the plate out of a whole image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgelpr.errors import ImageError
from edgelpr.preprocessing.images import Image

Point = tuple[int, int]
"""x and y in pixels of the whole image."""


@dataclass(frozen=True)
class Cut:
    """Where the plate lies in an image that shows more than the plate."""

    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 in pixels; x1 and y1 are outside the box."""

    corners: tuple[Point, Point, Point, Point] | None = None
    """The plate's own corners as a reader sees them: top left, top right, bottom right, bottom left."""


def cut_plate(image: Image, cut: Cut, name: str, rectify: bool = False) -> Image:
    """The plate out of a whole image.

    An image too small to hold the box was cropped before, under the name of the whole image: it is returned as it is.

    Args:
        image: (H, W) grey or (H, W, 3) BGR, uint8.
        cut: where the plate lies.
        name: what to call the image in messages.
        rectify: straighten by the four corners instead of cutting the upright box.

    Raises:
        ImageError: the box or the quadrilateral is empty.
    """
    x0, y0, x1, y1 = cut.box
    if x1 <= x0 or y1 <= y0:
        raise ImageError(f"{name}: the box {cut.box} of the plate is empty; expected left < right and top < bottom")
    height, width = image.shape[:2]
    if x1 > width or y1 > height:
        return image
    if rectify and cut.corners is not None:
        return _rectified(image, cut.corners, name)
    return np.ascontiguousarray(image[max(y0, 0) : y1, max(x0, 0) : x1])


def _rectified(image: Image, corners: tuple[Point, Point, Point, Point], name: str) -> Image:
    source = np.array(corners, dtype=np.float32)  # (4, 2)
    top, right, bottom, left = np.linalg.norm(np.roll(source, -1, axis=0) - source, axis=1)
    width, height = round(float(max(top, bottom))), round(float(max(left, right)))
    if width < 1 or height < 1 or abs(cv2.contourArea(source)) < 1:
        raise ImageError(f"{name}: the four corners {corners} enclose nothing; expected a quadrilateral")
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    straight = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(straight, dtype=np.uint8)
