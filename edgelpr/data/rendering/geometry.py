"""Where the camera stands and what the detector cuts out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.rendering.bending import Bend, Points, choose_bend
from edgelpr.data.rendering.layouts import Cell, Layout
from edgelpr.preprocessing.images import Image

_STEPS = 4
"""Parts of a character's edge that are followed on their own."""


@dataclass(frozen=True)
class View:
    """How millimetres on the plate map to pixels of the crop."""

    matrix: Points
    """(3, 3) homography, plate millimetres to crop pixels."""

    size: tuple[int, int]
    """Width and height of the crop in pixels."""

    bend: Bend | None = None
    """What lens, dents and shutter add to the homography."""

    def project(self, points: Points) -> Points:
        """(K, 2) millimetres to (K, 2) crop pixels."""
        homogeneous = np.column_stack([points, np.ones(len(points))]) @ self.matrix.T
        projected: Points = homogeneous[:, :2] / homogeneous[:, 2:]
        return projected if self.bend is None else self.bend.bent(projected)

    def look(self, face: Image, to_millimetres: Points, backdrop: tuple[float, ...]) -> Image:
        """What the camera sees.

        Args:
            face: (H, W, 3) uint8.
            to_millimetres: (3, 3) pixels of the face to millimetres on the plate.
            backdrop: colour where the face ends.

        Returns:
            (h, w, 3) uint8 of the view's size.
        """
        matrix = self.matrix @ to_millimetres
        edge, linear = cv2.BORDER_CONSTANT, cv2.INTER_LINEAR
        if self.bend is None:
            seen = cv2.warpPerspective(face, matrix, self.size, flags=linear, borderMode=edge, borderValue=backdrop)
            return np.asarray(seen, dtype=np.uint8)
        width, height = self.size
        grid = np.stack(np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float)), axis=-1)
        places = cv2.perspectiveTransform(self.bend.straight(grid), np.linalg.inv(matrix)).astype(np.float32)
        seen = cv2.remap(face, places[..., 0], places[..., 1], linear, borderMode=edge, borderValue=backdrop)
        return np.asarray(seen, dtype=np.uint8)


@dataclass(frozen=True)
class Pose:
    """How a camera stands to a plate."""

    angles: tuple[float, float, float]
    """Yaw, pitch and roll in radians."""

    distance: float
    """In widths of the plate: the closer, the stronger the perspective."""

    slant: float
    """Of upright strokes: columns moved for each row."""

    slope: float
    """Of the base line: rows moved for each column."""


def choose_pose(rng: Generator) -> Pose:
    """A random camera pose: nearly from the front, or steep."""
    steep = rng.random() < 0.45
    yaw, pitch, roll = np.clip(np.radians(rng.normal(0, (24, 16, 6.5) if steep else (11, 8, 2.5))), -0.9, 0.9)
    distance = float(rng.uniform(2.0, 9.0))
    slant, slope = rng.normal(0, (0.22, 0.05) if steep else (0.07, 0.015)).clip(-0.55, 0.55)
    return Pose((float(yaw), float(pitch), float(roll)), distance, float(slant), float(slope))


def choose_view(layout: Layout, plate_height: float, rng: Generator) -> View:
    """A random camera pose and a random crop around the plate.

    Args:
        layout: the type of plate.
        plate_height: height of the plate in pixels, seen from the front.
        rng: source of every choice.
    """
    return view_from(choose_pose(rng), layout, plate_height, rng)


def view_from(pose: Pose, layout: Layout, plate_height: float, rng: Generator) -> View:
    """A random crop around the plate as a given camera sees it; arguments as ``choose_view`` takes them."""
    width, height = layout.size
    seen = _homography(np.array(pose.angles), width, pose.distance)
    zoom = plate_height / height
    matrix = np.diag([zoom, zoom, 1.0]) @ np.array([(1, pose.slant, 0), (pose.slope, 1, 0), (0, 0, 1)]) @ seen
    corners = View(matrix, (0, 0)).project(np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float))
    left, top, right, bottom = _cut(corners, rng)
    shift = np.array([(1, 0, -left), (0, 1, -top), (0, 0, 1)])
    size = (max(16, round(right - left)), max(8, round(bottom - top)))
    return replace(View(shift @ matrix, size), bend=choose_bend(size, rng))


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
    """Left, top, right and bottom edge of the crop."""
    low, high = corners.min(0), corners.max(0)
    span = high - low
    shares = _air(rng)
    left, top = low - shares[:2] * span
    right, bottom = high + shares[2:] * span
    return float(left), float(top), float(right), float(bottom)


def _air(rng: Generator) -> Points:
    """What a detector leaves around the plate, or takes off it: (4,) shares of its sides, left, top, right, bottom."""
    habit = rng.random()
    if habit < 0.45:
        shares = rng.normal(0.004, 0.012, 4).clip(-0.03, 0.04)
    elif habit < 0.80:
        shares = rng.uniform(-0.02, 0.10, 4)
    else:  # carelessly: the edge characters may be touched
        shares = rng.normal(0.03, 0.05, 4).clip(-0.04, 0.18)
    shares[1::2] *= 1.6
    return np.asarray(shares, dtype=np.float64)


def character_boxes(view: View, cells: tuple[Cell, ...]) -> NDArray[np.float32]:
    """Bounding box of every character in the crop.

    Returns:
        (K, 4) x0, y0, x1, y1 in crop pixels, clipped to the crop, float32.
    """
    x, y, w, h = np.array(cells, dtype=float).T
    # Places all along the edges: a bent edge reaches furthest somewhere between its corners.
    shares = [(i / _STEPS, j / _STEPS) for i in range(_STEPS + 1) for j in range(_STEPS + 1) if {i, j} & {0, _STEPS}]
    around = [(x + w * across, y + h * down) for across, down in shares]
    points = view.project(np.stack(around).transpose(2, 0, 1).reshape(-1, 2)).reshape(len(cells), len(around), 2)
    boxes = np.concatenate([points.min(1), points.max(1)], axis=1)
    limit = np.array([*view.size, *view.size])
    clipped: NDArray[np.float32] = np.clip(boxes, 0, limit).astype(np.float32)
    return clipped
