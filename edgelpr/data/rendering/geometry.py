"""Where the camera stands and what the detector cuts out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.rendering.layouts import Cell, Layout

Points = NDArray[np.float64]
"""(K, 2) points x, y."""


@dataclass(frozen=True)
class View:
    """How millimetres on the plate map to pixels of the crop."""

    matrix: Points
    """(3, 3) homography, plate millimetres to crop pixels."""

    size: tuple[int, int]
    """Width and height of the crop in pixels."""

    def project(self, points: Points) -> Points:
        """(K, 2) millimetres to (K, 2) crop pixels."""
        homogeneous = np.column_stack([points, np.ones(len(points))]) @ self.matrix.T
        projected: Points = homogeneous[:, :2] / homogeneous[:, 2:]
        return projected


def choose_view(layout: Layout, plate_height: float, rng: Generator) -> View:
    """A random camera pose and a random crop around the plate.

    Args:
        layout: the type of plate.
        plate_height: height of the plate in pixels, seen from the front.
        rng: source of every choice.
    """
    width, height = layout.size
    steep = rng.random() < 0.4
    yaw, pitch, roll = np.radians(rng.normal(0, (24, 16, 6.5) if steep else (11, 8, 2.5)))
    pose = _homography(np.clip([yaw, pitch, roll], -0.9, 0.9), width, float(rng.uniform(2.0, 9.0)))
    zoom = plate_height / height
    matrix = np.diag([zoom, zoom, 1.0]) @ pose
    corners = View(matrix, (0, 0)).project(np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float))
    left, top, right, bottom = _cut(corners, rng)
    shift = np.array([(1, 0, -left), (0, 1, -top), (0, 0, 1)])
    size = (max(16, round(right - left)), max(8, round(bottom - top)))
    return View(shift @ matrix, size)


def _homography(angles: Points, width: float, distance: float) -> Points:
    """Plate plane to image plane for a camera ``distance`` plate widths away (pinhole)."""
    (sy, sp, sr), (cy, cp, cr) = np.sin(angles), np.cos(angles)
    around_y = np.array([(cy, 0, sy), (0, 1, 0), (-sy, 0, cy)])
    around_x = np.array([(1, 0, 0), (0, cp, -sp), (0, sp, cp)])
    around_z = np.array([(cr, -sr, 0), (sr, cr, 0), (0, 0, 1)])
    rotation = around_z @ around_x @ around_y
    depth = distance * width
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], (0, 0, depth)])
    camera = np.diag([depth, depth, 1.0])
    matrix: Points = camera @ plane
    return matrix


def _cut(corners: Points, rng: Generator) -> tuple[float, float, float, float]:
    low, high = corners.min(0), corners.max(0)
    span = high - low
    loose = rng.random() < 0.45
    # Detectors cut close, some a little into the border, some with air around the plate.
    shares = rng.uniform(-0.02, 0.10, 4) if loose else rng.normal(0.004, 0.012, 4).clip(-0.03, 0.04)
    shares[1::2] *= 1.6
    left, top = low - shares[:2] * span
    right, bottom = high + shares[2:] * span
    return float(left), float(top), float(right), float(bottom)


def character_boxes(view: View, cells: tuple[Cell, ...]) -> NDArray[np.float32]:
    """Bounding box of every character in the crop.

    Returns:
        (K, 4) x0, y0, x1, y1 in crop pixels, clipped to the crop, float32.
    """
    x, y, w, h = np.array(cells, dtype=float).T
    quads = np.stack([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])  # (4, 2, K)
    points = view.project(quads.transpose(2, 0, 1).reshape(-1, 2)).reshape(len(cells), 4, 2)
    boxes = np.concatenate([points.min(1), points.max(1)], axis=1)
    limit = np.array([*view.size, *view.size])
    clipped: NDArray[np.float32] = np.clip(boxes, 0, limit).astype(np.float32)
    return clipped
