"""From features of a frame back to its pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FRAME = (150, 50)
"""Width and height of the network's frame in pixels."""

REDUNDANCY = 9
"""Pixels by which the network repeats a frame's edges on both sides before its convolutions."""

COLUMN, ROW = 4, 8
"""Pixels that a column and a row of features stand for; the last row reaches beyond the frame."""


def over_frame(features: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Values of features spread over the frame that they come from.

    Args:
        features: (h, w), or (1, w) where only columns are told apart.
        width, height: of the picture that the frame is shown as.

    Returns:
        (height, width) float32.
    """
    rows, columns = features.shape
    size = (columns * COLUMN, FRAME[1] if rows == 1 else rows * ROW)
    enlarged = cv2.resize(features.astype(np.float32, copy=False), size, interpolation=cv2.INTER_LINEAR)
    inside = enlarged[: FRAME[1], REDUNDANCY : size[0] - REDUNDANCY]
    return np.asarray(cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
