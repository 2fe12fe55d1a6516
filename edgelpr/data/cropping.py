"""Cutting the plate out of a whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edgelpr.errors import ImageError
from edgelpr.preprocessing.images import Image

Point = tuple[int, int]
"""x and y in pixels of the whole image."""


Corners = tuple[Point, Point, Point, Point]
"""A plate's corners as a reader sees them: top left, top right, bottom right, bottom left."""

_ALREADY_CUT = 1.2  # an image at most this many times as large as the box shows nothing but the plate


@dataclass(frozen=True)
class Cut:
    """Where the plate lies in an image that shows more than the plate."""

    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 in pixels; x1 and y1 are outside the box."""

    corners: Corners | None = None
    """The plate's own corners, where the labels give them."""

    @classmethod
    def around(cls, points: Sequence[Point]) -> Cut:
        """Four corners in any order, and the upright box that holds them."""
        columns, rows = zip(*points, strict=True)
        return cls((min(columns), min(rows), max(columns) + 1, max(rows) + 1), _as_read(points))


def cut_plate(image: Image, cut: Cut, name: str, rectify: bool = False) -> Image:
    """The plate out of a whole image.

    An image too small to hold the box was cropped before, under the name of the whole image: it is returned as it is.
    A box that merely sticks out of a whole image is cut off at its border.

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
    if _cropped_before(image, cut.box):
        return image
    if rectify and cut.corners is not None:
        return _rectified(image, cut.corners, name)
    return np.ascontiguousarray(image[max(y0, 0) : y1, max(x0, 0) : x1])


def _cropped_before(image: Image, box: tuple[int, int, int, int]) -> bool:
    height, width = int(image.shape[0]), int(image.shape[1])
    x0, y0, x1, y1 = box
    if x1 <= width and y1 <= height:
        return False
    inside = max(min(x1, width) - max(x0, 0), 0) * max(min(y1, height) - max(y0, 0), 0)
    no_larger = width <= _ALREADY_CUT * (x1 - x0) or height <= _ALREADY_CUT * (y1 - y0)
    return no_larger or 2 * inside < (x1 - x0) * (y1 - y0)


def _as_read(points: Sequence[Point]) -> Corners:
    """Corners in the order of reading; those that are in it already stay, however far the plate is turned."""
    a, b, c, d = points
    if _goes_clockwise(points) and a[0] + d[0] < b[0] + c[0] and a[1] + b[1] < c[1] + d[1]:
        return a, b, c, d
    middle = np.mean(points, axis=0)
    around = sorted(points, key=lambda point: float(np.arctan2(point[1] - middle[1], point[0] - middle[0])))
    first = min(range(4), key=lambda index: sum(around[index]))
    a, b, c, d = around[first:] + around[:first]
    return a, b, c, d


def _goes_clockwise(points: Sequence[Point]) -> bool:
    # Rows count downwards, so that a positive area is clockwise to the eye.
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    return (x2 - x0) * (y3 - y1) > (x3 - x1) * (y2 - y0)


def _rectified(image: Image, corners: Corners, name: str) -> Image:
    source = np.array(corners, dtype=np.float32)  # (4, 2)
    top, right, bottom, left = np.linalg.norm(np.roll(source, -1, axis=0) - source, axis=1)
    width, height = round(float(max(top, bottom))), round(float(max(left, right)))
    if width < 1 or height < 1 or abs(cv2.contourArea(source)) < 1:
        raise ImageError(f"{name}: the four corners {corners} enclose nothing; expected a quadrilateral")
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    straight = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(straight, dtype=np.uint8)
