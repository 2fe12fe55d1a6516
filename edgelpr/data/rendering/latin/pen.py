"""Letters drawn with a pen along their middle lines, so that weight, width and roundness can vary from plate to plate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.data.rendering.latin.skeletons import SKELETONS
from edgelpr.preprocessing.images import Image

Points = NDArray[np.float64]
"""(K, 2) points x, y."""

INK_HEIGHT = 96
"""Pixels; every character is drawn once at this height and scaled from there."""

_MARGIN = 40
_SHIFT = 4
_ARC = np.linspace(0, 1, 8)


@dataclass(frozen=True)
class Pen:
    """How the lines of a set of letters are drawn."""

    skeleton: str
    """A name in ``SKELETONS``."""

    weight: int
    """Breadth of a stroke in hundredths of the height."""

    width: int = 100
    """Width of a character in hundredths of its usual one; strokes stay as broad as they are."""

    roundness: int = 100
    """Radius of round corners in hundredths of the largest possible."""

    @classmethod
    def of(cls, style: str) -> Pen:
        """Read back what ``style`` wrote."""
        _, skeleton, *numbers = style.split()
        return cls(skeleton, *map(int, numbers))

    @property
    def style(self) -> str:
        """The pen as the name of a glyph style."""
        return f"pen {self.skeleton} {self.weight} {self.width} {self.roundness}"

    def draw(self, character: str) -> Image | None:
        """Ink of a character.

        Returns:
            (``INK_HEIGHT``, its width), uint8, 0 (no ink) to 255; None when the skeleton lacks it.
        """
        line = SKELETONS[self.skeleton].get(character)
        if line is None:
            return None
        share, _, rest = line.partition(" ")
        breadth = round(self.weight / 100 * INK_HEIGHT)
        # Heavier letters are wider too: the room between the middle lines stays.
        width = max(breadth, float(share) * self.width / 100 * INK_HEIGHT + 0.5 * (breadth - 0.13 * INK_HEIGHT))
        canvas: Image = np.zeros((INK_HEIGHT + 2 * _MARGIN, round(width) + 2 * _MARGIN), dtype=np.uint8)
        room = np.array((round(width) - breadth, INK_HEIGHT - breadth))
        for stroke in rest.split(" | "):
            points, closed = _path(stroke, room, breadth, self.roundness / 100)
            _stroke(canvas, points + _MARGIN + breadth / 2, breadth, closed)
        return np.ascontiguousarray(canvas[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


def _path(stroke: str, room: Points, breadth: float, roundness: float) -> tuple[Points, bool]:
    words = stroke.split()
    closed = words[-1] == "z"
    words = words[:-1] if closed else words
    corners = np.array([[float(value) for value in word.rstrip("*").split(",")] for word in words]) * room
    points: list[Points] = []
    for index, (word, corner) in enumerate(zip(words, corners)):
        before, after = corners[index - 1], corners[(index + 1) % len(corners)]
        inner = closed or 0 < index < len(corners) - 1
        points += _rounded(before, corner, after, roundness) if word.endswith("*") and inner else [corner]
    return np.array(points), closed


def _rounded(before: Points, corner: Points, after: Points, roundness: float) -> list[Points]:
    """An arc in place of a corner: a rational quadratic curve is a circle's arc exactly."""
    to_before, to_after = before - corner, after - corner
    lengths = float(np.hypot(*to_before)), float(np.hypot(*to_after))
    reach = roundness * min(lengths) / 2
    start, end = corner + to_before / lengths[0] * reach, corner + to_after / lengths[1] * reach
    cosine = float(to_before @ to_after) / (lengths[0] * lengths[1])
    weight = float(np.sqrt(max(0.0, (1 - cosine) / 2)))
    shares = np.stack([(1 - _ARC) ** 2, 2 * weight * _ARC * (1 - _ARC), _ARC**2], axis=1)
    arc: Points = shares @ np.stack([start, corner, end]) / shares.sum(axis=1, keepdims=True)
    return list(arc)


def _stroke(canvas: Image, points: Points, breadth: int, closed: bool) -> None:
    """A thick line with square ends: OpenCV rounds the joints, which is wanted, and the ends, which is not."""
    inner = points if closed else points[1:-1]
    if len(inner):
        cv2.polylines(canvas, [_fixed(inner)], closed, 255, breadth, cv2.LINE_AA, _SHIFT)
    if not closed:
        _piece(canvas, points[0], points[1], breadth)
        _piece(canvas, points[-2], points[-1], breadth)


def _piece(canvas: Image, start: Points, end: Points, breadth: int) -> None:
    along = end - start
    side = np.array((-along[1], along[0])) / np.hypot(*along) * breadth / 2
    corners = np.array([start + side, end + side, end - side, start - side])
    cv2.fillConvexPoly(canvas, _fixed(corners), 255, cv2.LINE_AA, _SHIFT)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Points with fractional bits, as OpenCV takes them."""
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


@lru_cache(maxsize=12288)
def pen_ink(style: str, character: str) -> Image | None:
    """``Pen.draw``, remembered."""
    return Pen.of(style).draw(character)
