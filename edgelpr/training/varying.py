"""Small changes to crops, so that one seen again is not quite the same; all cheap beside rendering."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.preprocessing.images import Image


def vary_pooled(crop: Image, boxes: NDArray[np.float32], rng: Generator) -> tuple[Image, NDArray[np.float32]]:
    """A rendered crop once more: moved by a pixel or two, in other light, sometimes blurred or noisy (ours).

    Args:
        crop: (H, W) grey, preprocessed, uint8.
        boxes: (P, 4) shares of the crop, NaN where void.
        rng: source of every choice.

    Returns:
        Crop and boxes of the same shapes; unchanged one time in eight.
    """
    if rng.random() < 0.125:
        return crop, boxes
    crop, boxes = _move(crop, boxes, rng)
    crop = relight(crop, rng)
    if rng.random() < 0.2:
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.4, 1.0))), dtype=np.uint8)
    if rng.random() < 0.25:
        grain = rng.standard_normal(crop.shape, dtype=np.float32) * np.float32(rng.uniform(1, 6))
        crop = np.clip(crop + grain, 0, 255).astype(np.uint8)
    return crop, boxes


def relight(image: Image, rng: Generator) -> Image:
    """Other brightness, contrast and gamma; dark stays darker than bright, for polarity tells plate types apart."""
    steps = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.2))
    steps = (steps - 0.5) * np.exp(rng.normal(0, 0.18)) + 0.5 + rng.normal(0, 0.06)
    table = np.clip(steps * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), dtype=np.uint8)


def _move(crop: Image, boxes: NDArray[np.float32], rng: Generator) -> tuple[Image, NDArray[np.float32]]:
    height, width = crop.shape
    stretch = np.exp(rng.normal(0, (0.012, 0.02)))
    # Around the middle, then a shift in pixels.
    shift = rng.normal(0, (1.3, 0.9)) + (1 - stretch) * np.array([width, height]) / 2
    matrix = np.array([(stretch[0], 0, shift[0]), (0, stretch[1], shift[1])])
    moved = cv2.warpAffine(crop, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shares = boxes * np.tile(stretch, 2) + np.tile(shift / (width, height), 2)
    return np.asarray(moved, dtype=np.uint8), np.clip(shares, 0, 1).astype(np.float32)
