"""Boxes from HPA maps."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

_LEAST_MASS = 1e-6
_REACH = sqrt(3.0)


def boxes_from_maps(maps: NDArray[np.float32], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rectangle that the mass of each map would fill evenly: mean plus and minus sqrt(3) standard deviations.

    An even rectangle of width L has a standard deviation of L / sqrt(12), so its half is sqrt(3) of them (ours). Cell j
    of w covers the crop from j / w to (j + 1) / w of its width, and a cell's mass is spread evenly over it.

    Args:
        maps: (N, P, h, w), mass a cell, 0 or more; N crops, P positions.
        sizes: (N, 2), width and height of each crop in pixels.

    Returns:
        (N, P, 4), x0, y0, x1, y1 in pixels, clipped to the crop; NaN where a map has next to no mass.
    """
    count, positions, height, width = maps.shape
    moments = maps.reshape(count, positions, height * width) @ _weights(height, width)  # (N, P, 5)
    mass = moments[..., :1]
    if mass.size and mass.min() < _LEAST_MASS:
        mass = np.where(mass < _LEAST_MASS, np.nan, mass)
    moments = moments[..., 1:] / mass
    mean = moments[..., :2]
    reach = _REACH * np.sqrt(np.maximum(moments[..., 2:] - mean * mean, 0.0))
    # Plain ufuncs into one array: np.stack and np.clip cost more than the arithmetic, and this runs for every crop.
    corners = np.empty((count, positions, 2, 2))  # (N, P, 2 corners, 2 axes)
    np.subtract(mean, reach, out=corners[:, :, 0])
    np.add(mean, reach, out=corners[:, :, 1])
    np.maximum(corners, 0.0, out=corners)
    np.minimum(corners, 1.0, out=corners)
    corners *= sizes[:, None, None, :]
    return corners.reshape(count, positions, 4)


@lru_cache(maxsize=8)
def _weights(height: int, width: int) -> NDArray[np.float64]:
    """(height * width, 5): what each cell adds to mass, mean x, mean y, mean square x, mean square y; crop = 1 x 1."""
    y, x = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    columns = [np.ones_like(x), x, y, x * x + 1 / (12 * width**2), y * y + 1 / (12 * height**2)]
    weights = np.stack(columns, axis=-1).reshape(height * width, 5)
    weights.flags.writeable = False
    return weights
