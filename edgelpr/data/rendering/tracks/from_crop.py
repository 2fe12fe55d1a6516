"""Frames made from one real crop: what a camera might have seen a moment earlier or later."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.random import Generator

from edgelpr.data.fitting import as_colour
from edgelpr.data.rendering.tracks.degrading import choose_camera, degrade
from edgelpr.data.rendering.tracks.motion import choose_damages
from edgelpr.preprocessing.images import Image

_NIGHT = 0.03


def frames_from(crop: Image, rng: Generator, frames: int, hardness: float) -> Iterator[tuple[Image, Image]]:
    """Move and damage a crop, each frame apart.

    Args:
        crop: (H, W) grey or (H, W, 3) BGR, uint8.
        rng: source of every choice.
        frames: how many.
        hardness: 0 to 1, scales all damage.

    Yields:
        A frame (h, w, 3) BGR uint8, and the same (H, W, 3) before it was damaged.
    """
    colour, camera = as_colour(crop), choose_camera(_NIGHT, rng)
    for damage in choose_damages(frames, hardness, rng):
        moved = _jostle(colour, rng)
        yield degrade(moved, damage, camera, rng), moved


def _jostle(colour: Image, rng: Generator) -> Image:
    """The crop as a detector would have cut it a moment later: its corners a little elsewhere."""
    height, width = colour.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    moved = corners + rng.normal(0, (0.012 * width, 0.03 * height), (4, 2)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return np.asarray(cv2.warpPerspective(colour, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
