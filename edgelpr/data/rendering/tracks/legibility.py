"""How legible a capture left a plate, against the pristine capture of the same geometry."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.preprocessing.images import Image

Floats = NDArray[np.float32]

_SIGMA = 2.0
_FLOOR = 16.0
_TINY = 1e-6


def legibility(capture: Image, pristine: Image) -> float:
    """Full-reference score: the structure term of SSIM, weighted by where the pristine capture has strokes.

    The structure term (Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004,
    equation 10) is the correlation of two pictures within a small window, here a Gaussian of 2 pixels. It leaves out
    brightness and contrast, which hardly hinder reading until noise drowns the strokes; the constant that steadies it, a
    deviation of 4 grey levels, marks down contrast that is nearly gone. Places are weighted by the local deviation of
    the pristine capture (ours): a flat ground can lose nothing. Negative correlation counts as 0.

    Args:
        capture: (H, W) uint8, the network's input.
        pristine: (H, W) uint8, the same place, undamaged.

    Returns:
        0, nothing is left, to 1, the strokes are as they were.
    """
    found, true = capture.astype(np.float32), pristine.astype(np.float32)
    mean_found, mean_true = _smooth(found), _smooth(true)
    spread_found = np.sqrt(np.maximum(_smooth(found * found) - mean_found * mean_found, 0))
    spread_true = np.sqrt(np.maximum(_smooth(true * true) - mean_true * mean_true, 0))
    together = _smooth(found * true) - mean_found * mean_true
    structure = np.clip(together / (spread_found * spread_true + _FLOOR), 0, 1)
    return float(min(1.0, (structure * spread_true).sum() / (_best(spread_true) + _TINY)))


def _best(spread: Floats) -> float:
    """What a flawless capture would reach, so that it scores 1 whatever its contrast."""
    squared = spread * spread
    return float((squared / (squared + _FLOOR) * spread).sum())


def _smooth(picture: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), _SIGMA), dtype=np.float32)
