"""The characters of a plate as a mask of ink, and where each one really stands."""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.rendering.glyphs import Glyphs
from edgelpr.data.rendering.layouts import Cell, Layout
from edgelpr.preprocessing.images import Image

Floats = NDArray[np.float32]

_LOOSE = 0.25
"""Share of plates whose characters were set by hand or pressed askew."""


def ink(text: str, layout: Layout, glyphs: Glyphs, scale: float, rng: Generator) -> tuple[Image, tuple[Cell, ...]]:
    """Set the characters.

    Args:
        text: one character a cell of the layout.
        layout: the type of plate.
        glyphs: where the shapes come from.
        scale: pixels a millimetre.
        rng: source of every choice.

    Returns:
        (H, W) uint8, 0 (paper) to 255 (ink), and the cells in millimetres as they were set.
    """
    height, width = ceil(layout.size[1] * scale), ceil(layout.size[0] * scale)
    mask: Image = np.zeros((height, width), dtype=np.uint8)
    loose = rng.random() < _LOOSE
    cells = []
    for index, (character, cell) in enumerate(zip(text, layout.cells)):
        left, top, wide, high = _place(cell, scale, loose, (height, width), rng)
        glyph = glyphs.mask(character, layout.style_of(index), high, wide)
        part = mask[top : top + high, left : left + wide]
        np.maximum(part, glyph, out=part)
        cells.append((left / scale, top / scale, wide / scale, high / scale))
    return _weigh(mask, scale, rng), tuple(cells)


def _place(cell: Cell, scale: float, loose: bool, size: tuple[int, int], rng: Generator) -> tuple[int, int, int, int]:
    """Pixels of a cell: left, top, width, height, inside the plate."""
    x, y, wide, high = cell
    if loose:
        shift, stretch = rng.normal(0, (0.02 * wide, 0.015 * high)), rng.normal(1, (0.04, 0.02))
        x, y = x + shift[0] + wide * (1 - stretch[0]) / 2, y + shift[1] + high * (1 - stretch[1]) / 2
        wide, high = wide * stretch[0], high * stretch[1]
    columns, rows = max(2, round(wide * scale)), max(3, round(high * scale))
    left = min(max(0, round(x * scale)), max(0, size[1] - columns))
    top = min(max(0, round(y * scale)), max(0, size[0] - rows))
    return left, top, min(columns, size[1]), min(rows, size[0])


def _weigh(mask: Image, scale: float, rng: Generator) -> Image:
    """Thicker or thinner strokes, by up to about a fifth of their width."""
    chance = rng.random()
    if chance > 0.6:
        return mask
    kernel = np.ones((2, 2) if scale < 0.6 or chance < 0.3 else (3, 3), dtype=np.uint8)
    changed = cv2.dilate(mask, kernel) if chance < 0.22 else cv2.erode(mask, kernel)
    # A part of a pixel: at these sizes a whole one would close an 8 or break a thin line.
    share = float(rng.uniform(0.3, 0.6 if scale < 0.6 else 0.9))
    return np.asarray(cv2.addWeighted(mask, 1 - share, changed, share, 0), dtype=np.uint8)
