"""The face of a plate, seen from the front, and the car just around it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.rendering.glyphs import Glyphs
from edgelpr.data.rendering.layouts import Cell, Colour, Layout
from edgelpr.preprocessing.images import Image

MARGIN = 36
"""Millimetres of frame and car painted around the plate."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Face:
    """A painted plate."""

    image: Image
    """(H, W, 3) BGR, uint8: the plate with ``MARGIN`` around it."""

    scale: float
    """Pixels a millimetre."""


def paint(text: str, layout: Layout, glyphs: Glyphs, scale: float, rng: Generator) -> Face:
    """Paint a plate as it leaves the press, then age it.

    Args:
        text: one character a cell of the layout.
        layout: the type of plate.
        glyphs: where the shapes come from.
        scale: pixels a millimetre.
        rng: source of every choice.
    """
    paper, ink_colour = _jitter(layout.paper, rng), _jitter(layout.ink, rng, spread=25)
    ink = _ink(text, layout, glyphs, scale, rng)
    plate = _paper(layout, paper, ink.shape, rng)
    plate += (ink_colour - plate) * (ink[:, :, None] * rng.uniform(0.55, 1.0) ** 0.5)
    if layout.red_last:
        _redden(plate, ink, layout.cells[-1], scale)
    if rng.random() < 0.3:
        _emboss(plate, ink, float(rng.uniform(-60, 60)))
    _bolts(plate, layout, scale, rng)
    if rng.random() < 0.3:
        _dirt(plate, rng)
    surrounded = _surround(plate, round(MARGIN * scale), scale, rng)
    return Face(np.clip(surrounded, 0, 255).astype(np.uint8), scale)


def _jitter(colour: Colour, rng: Generator, spread: float = 45.0) -> Floats:
    gain = rng.uniform(0.6, 1.25)
    values: Floats = np.clip(np.array(colour) * gain + rng.normal(0, spread / 3, 3), 0, 255).astype(np.float32)
    return values


def _ink(text: str, layout: Layout, glyphs: Glyphs, scale: float, rng: Generator) -> Floats:
    size = (ceil(layout.size[1] * scale), ceil(layout.size[0] * scale))
    mask: Image = np.zeros(size, dtype=np.uint8)
    for character, cell in zip(text, layout.cells):
        left, top, width, height = (round(value * scale) for value in cell)
        glyph = glyphs.mask(character, layout.style, height, width)
        top += int(rng.integers(-1, 2)) if scale >= 0.5 else 0
        np.maximum(mask[top : top + height, left : left + width], glyph, out=mask[top : top + height, left : left + width])
    if layout.dot is not None and rng.random() < 0.85:
        centre = (round(layout.dot[0] * scale), round(layout.dot[1] * scale))
        cv2.circle(mask, centre, max(1, round(5 * scale)), 255, -1, cv2.LINE_AA)
    mask = _weigh(mask, scale, rng)
    if rng.random() < 0.85:
        _border(mask, scale, rng)
    ink: Floats = mask.astype(np.float32) / np.float32(255)
    return ink


def _weigh(mask: Image, scale: float, rng: Generator) -> Image:
    chance = rng.random()
    if chance > 0.45:
        return mask
    kernel = np.ones((2, 2) if scale < 0.6 or chance < 0.3 else (3, 3), dtype=np.uint8)
    changed = cv2.dilate(mask, kernel) if chance < 0.25 else cv2.erode(mask, kernel)
    # Half a pixel of stroke: at these sizes a whole one would close an 8 or break a thin line.
    return np.asarray(cv2.addWeighted(mask, 0.5, changed, 0.5, 0), dtype=np.uint8)


def _border(mask: Image, scale: float, rng: Generator) -> None:
    inset, thickness = round(rng.uniform(2, 7) * scale), max(1, round(rng.uniform(2, 4) * scale))
    height, width = mask.shape
    cv2.rectangle(mask, (inset, inset), (width - 1 - inset, height - 1 - inset), 255, thickness)


def _paper(layout: Layout, paper: Floats, shape: tuple[int, ...], rng: Generator) -> Floats:
    height, width = shape[:2]
    plate: Floats = np.empty((height, width, 3), dtype=np.float32)
    plate[:] = paper
    if layout.fade is not None:
        top = _jitter(layout.fade, rng, spread=20)
        share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** np.float32(rng.uniform(0.7, 1.6))
        plate[:] = top + (paper - top) * share
    return plate


def _redden(plate: Floats, ink: Floats, cell: Cell, scale: float) -> None:
    left, right = round(cell[0] * scale), round((cell[0] + cell[2]) * scale)
    inner = slice(round(cell[1] * scale), round((cell[1] + cell[3]) * scale))
    red = np.array((30, 30, 200), dtype=np.float32)
    part = plate[inner, left:right]
    part += (red - part) * ink[inner, left:right, None]


def _emboss(plate: Floats, ink: Floats, strength: float) -> None:
    plate[1:, 1:] += np.float32(strength) * (ink[1:, 1:] - ink[:-1, :-1])[:, :, None]


def _bolts(plate: Floats, layout: Layout, scale: float, rng: Generator) -> None:
    if rng.random() < 0.35:
        return
    width, height = layout.size
    places = [(x, y) for x in (0.25, 0.75) for y in (0.09, 0.91)]
    for x, y in places[:: int(rng.integers(1, 3))]:
        centre = (round((x * width + rng.normal(0, 4)) * scale), round(y * height * scale))
        shade = float(rng.uniform(20, 230))
        cv2.circle(plate, centre, max(1, round(rng.uniform(4, 8) * scale)), (shade, shade, shade), -1, cv2.LINE_AA)


def _dirt(plate: Floats, rng: Generator) -> None:
    height, width = plate.shape[:2]
    grain = rng.random((int(rng.integers(3, 9)), int(rng.integers(6, 24))), dtype=np.float32)
    field = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    cover = np.clip((field - np.float32(rng.uniform(0.35, 0.75))) * 3, 0, 1) * np.float32(rng.uniform(0.2, 0.8))
    mud = rng.uniform(30, 190) + rng.normal(0, 12, 3).astype(np.float32)
    plate += (mud.astype(np.float32) - plate) * cover[:, :, None]


def _surround(plate: Floats, margin: int, scale: float, rng: Generator) -> Floats:
    height, width = plate.shape[:2]
    around: Floats = np.empty((height + 2 * margin, width + 2 * margin, 3), dtype=np.float32)
    around[:] = _car_colour(rng)
    if rng.random() < 0.5:
        # The upper and lower halves of a bumper rarely match.
        around[: int(rng.integers(0, around.shape[0]))] = _car_colour(rng)
    frame = round(rng.uniform(0, 16) * scale) if rng.random() < 0.45 else 0
    if frame:
        around[margin - frame : margin + height + frame, margin - frame : margin + width + frame] = _car_colour(rng)
    around[margin : margin + height, margin : margin + width] = plate
    if rng.random() < 0.2:
        _dealer_line(around, margin, scale, rng)
    return around


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
