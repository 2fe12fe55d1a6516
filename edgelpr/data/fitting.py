"""Crops as pictures for people: in colour, at the size of a place on a sheet."""

from __future__ import annotations

import cv2
import numpy as np

from edgelpr.preprocessing.images import Image


def as_colour(crop: Image) -> Image:
    """(H, W) grey or (H, W, 3) BGR to (H, W, 3) BGR, uint8."""
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_GRAY2BGR), dtype=np.uint8) if crop.ndim == 2 else crop


def fit_into(crop: Image, width: float, height: float) -> Image:
    """A crop in colour, as large as it goes into a place of that many pixels, its aspect kept.

    Args:
        crop: (H, W) grey or (H, W, 3) BGR, uint8.
        width, height: of the place.

    Returns:
        (h, w, 3) BGR, uint8, at least one pixel a side.
    """
    colour = as_colour(crop)
    rows, columns = colour.shape[:2]
    factor = min(width / columns, height / rows)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    method = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(colour, size, interpolation=method), dtype=np.uint8)


def small_grey(crop: Image, most: int) -> Image:
    """A crop to keep in memory: grey, and shrunk to a height of at most ``most`` pixels, its aspect kept.

    Args:
        crop: (H, W) grey or (H, W, 3) BGR, uint8.
        most: pixels, at least 1.

    Returns:
        (h, w) uint8.
    """
    grey = crop if crop.ndim == 2 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    height, width = grey.shape
    if height <= most:
        return grey
    size = (max(1, round(width * most / height)), most)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
