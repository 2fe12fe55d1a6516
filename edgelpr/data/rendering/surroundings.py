"""The car around a plate: body, frame, what dealers print on it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def surround(plate: Floats, margin: int, scale: float, rng: Generator) -> Floats:
    """Mount a plate on a car.

    Args:
        plate: (H, W, 3) BGR.
        margin: pixels of car on every side.
        scale: pixels a millimetre.
        rng: source of every choice.

    Returns:
        (H + 2 margin, W + 2 margin, 3) BGR.
    """
    height, width = plate.shape[:2]
    around: Floats = np.empty((height + 2 * margin, width + 2 * margin, 3), dtype=np.float32)
    around[:] = _car_colour(rng)
    if rng.random() < 0.5:
        # The upper and lower halves of a bumper rarely match.
        around[: int(rng.integers(0, around.shape[0]))] = _car_colour(rng)
    if rng.random() < 0.15:
        _grille(around, rng)
    frame = round(rng.uniform(0, 16) * scale) if rng.random() < 0.45 else 0
    if frame:
        around[margin - frame : margin + height + frame, margin - frame : margin + width + frame] = _car_colour(rng)
    around[margin : margin + height, margin : margin + width] = plate
    if rng.random() < 0.18:
        _overlap(around, margin, scale, rng)
    if rng.random() < 0.2:
        _dealer_line(around, margin, scale, rng)
    return around


def _overlap(around: Floats, margin: int, scale: float, rng: Generator) -> None:
    """A frame that covers the edge of the plate itself."""
    reach = margin + max(1, round(rng.uniform(2, 9) * scale))
    colour = _car_colour(rng).tolist()
    height, width = around.shape[:2]
    thickness = max(1, round(rng.uniform(4, 14) * scale))
    corner = reach - thickness // 2
    cv2.rectangle(around, (corner, corner), (width - 1 - corner, height - 1 - corner), colour, thickness)


def _grille(around: Floats, rng: Generator) -> None:
    height = around.shape[0]
    pitch = int(rng.integers(3, 9))
    bright, dark = _car_colour(rng), _car_colour(rng) * np.float32(0.3)
    for top in range(0, height, pitch):
        around[top : top + pitch // 2] = bright if rng.random() < 0.9 else dark


def _dealer_line(around: Floats, margin: int, scale: float, rng: Generator) -> None:
    """Small marks below or above the plate, where dealers print their name."""
    height, width = around.shape[:2]
    size = max(2, round(rng.uniform(8, 16) * scale))
    top = height - margin + 1 if rng.random() < 0.7 else margin - size - 1
    shade = float(rng.uniform(120, 255))
    for left in range(margin + round(width * 0.2), round(width * 0.7), size + 2):
        if rng.random() < 0.7:
            cv2.rectangle(around, (left, top), (left + size // 2, top + size - 1), (shade, shade, shade), 1)


def _car_colour(rng: Generator) -> Floats:
    values: Floats = np.clip(rng.uniform(5, 245) + rng.normal(0, 22, 3), 0, 255).astype(np.float32)
    return values
