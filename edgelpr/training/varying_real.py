"""A real crop as another detector and another camera might have delivered it.

The paper names noising, blurring, colour jittering, rotation, projection and cropping ("Implementation Details");
their strengths are ours.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.fitting import as_colour
from edgelpr.data.rendering.capture import capture
from edgelpr.preprocessing.images import Image
from edgelpr.training.varying import relight

_COARSE = (20.0, 40.0)
_WAYS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


def vary_real(image: Image, rng: Generator) -> Image:
    """Change a real crop; its plate stays readable and its polarity as it was, for that tells plate types apart.

    Args:
        image: (H, W) grey or (H, W, 3) BGR, uint8.
        rng: source of every choice.

    Returns:
        (h, w, 3) BGR, uint8.
    """
    colour = as_colour(image)
    if rng.random() < 0.85:
        colour = _tilt(colour, rng)
    if rng.random() < 0.4:
        colour = _misplace(colour, rng)
    if rng.random() < 0.5:
        colour = relight(colour, rng)
    if rng.random() < 0.5:
        colour = _coarsen(colour, rng)
    return capture(colour, rng) if rng.random() < 0.4 else colour


def _tilt(colour: Image, rng: Generator) -> Image:
    """Rotation by a few degrees, shear, and corners that lie a little off."""
    height, width = colour.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    moved = corners + rng.normal(0, (0.012 * width, 0.03 * height), (4, 2)).astype(np.float32)
    if rng.random() < 0.5:
        moved = _turned(moved, float(rng.normal(0, 3.0)), float(rng.normal(0, 0.1)))
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    warped = cv2.warpPerspective(colour, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def _turned(points: NDArray[np.float32], degrees: float, shear: float) -> NDArray[np.float32]:
    """Turned around their middle, and the top pushed sideways, then shrunk so that they leave the crop by little."""
    middle, angle = points.mean(axis=0), np.radians(degrees)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    turned = (points - middle) @ (turn @ np.array([(1.0, shear), (0.0, 1.0)])).T
    reach = np.abs(turned).max(axis=0) / np.maximum(np.abs(points - middle).max(axis=0), 1e-6)
    return np.asarray(turned / np.maximum(reach, 1.0) ** 0.8 + middle, dtype=np.float32)


def _misplace(colour: Image, rng: Generator) -> Image:
    """The errors of a detector: an edge cut a little into the plate, or a border left around it."""
    height, width = colour.shape[:2]
    # Left, right, top, bottom: shares of the side; below 0 cuts, above 0 adds.
    edges = rng.uniform((-0.02, -0.02, -0.06, -0.06), (0.06, 0.06, 0.15, 0.15)) * (rng.random(4) < 0.6)
    left, right, top, bottom = (round(float(edge * side)) for edge, side in zip(edges, (width, width, height, height)))
    kept = colour[max(0, -top) : height - max(0, -bottom), max(0, -left) : width - max(0, -right)]
    added = (max(0, top), max(0, bottom), max(0, left), max(0, right))
    if rng.random() < 0.5:
        return np.asarray(cv2.copyMakeBorder(kept, *added, cv2.BORDER_REPLICATE), dtype=np.uint8)
    shade = float(rng.uniform(0, 70))
    return np.asarray(cv2.copyMakeBorder(kept, *added, cv2.BORDER_CONSTANT, value=(shade,) * 3), dtype=np.uint8)


def _coarsen(colour: Image, rng: Generator) -> Image:
    """As a plate far away, 20 to 40 pixels high, enlarged again; crops that low already stay as they are."""
    height, width = colour.shape[:2]
    low = round(float(rng.uniform(*_COARSE)))
    if low >= height:
        return colour
    small = cv2.resize(colour, (max(40, round(width * low / height)), low), interpolation=_WAYS[int(rng.integers(len(_WAYS)))])
    back = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(back, dtype=np.uint8)
