"""The face of a plate, seen from the front, and the car just around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.rendering.ageing import age, bolt, emboss
from edgelpr.data.rendering.glyphs import Glyphs
from edgelpr.data.rendering.inking import ink
from edgelpr.data.rendering.layouts import Cell, Colour, Layout, Mark
from edgelpr.data.rendering.surroundings import surround
from edgelpr.errors import DataError
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

    cells: tuple[Cell, ...]
    """Where each character was set, in millimetres on the plate."""


def paint(text: str, layout: Layout, glyphs: Glyphs, scale: float, rng: Generator) -> Face:
    """Paint a plate as it leaves the press, then age it.

    Args:
        text: one character a cell of the layout.
        layout: the type of plate.
        glyphs: where the shapes come from.
        scale: pixels a millimetre.
        rng: source of every choice.

    Raises:
        DataError: the glyphs lack a character.
    """
    mask, cells = ink(text, layout, glyphs, scale, rng)
    colour = jitter(layout.ink, rng, spread=25)
    plate = _paper(layout, mask.shape, rng)
    for mark in layout.marks:
        if mark.often >= 1 or rng.random() < mark.often:
            _mark(plate, mark, colour if mark.colour is None else jitter(mark.colour, rng, spread=20), glyphs, scale)
    _border(mask, layout, scale, rng)
    cover = mask.astype(np.float32) * np.float32(rng.uniform(0.55, 1.0) ** 0.5 / 255)
    _print(plate, cover, colour, layout, cells, scale)
    if rng.random() < 0.3:
        emboss(plate, cover, float(rng.uniform(-60, 60)))
    bolt(plate, layout.size, scale, rng)
    age(plate, rng)
    surrounded = surround(plate, round(MARGIN * scale), scale, rng)
    return Face(np.clip(surrounded, 0, 255).astype(np.uint8), scale, cells)


def jitter(colour: Colour, rng: Generator, spread: float = 45.0) -> Floats:
    """A colour as another press, another year and another light would show it: (3,) float32, 0 to 255."""
    gain = rng.uniform(0.6, 1.25)
    values: Floats = np.clip(np.array(colour) * gain + rng.normal(0, spread / 3, 3), 0, 255).astype(np.float32)
    return values


def _paper(layout: Layout, shape: tuple[int, ...], rng: Generator) -> Floats:
    paper = jitter(layout.paper, rng)
    height, width = shape[:2]
    plate: Floats = np.empty((height, width, 3), dtype=np.float32)
    plate[:] = paper
    if layout.fade is not None:
        top = jitter(layout.fade, rng, spread=20)
        share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** np.float32(rng.uniform(0.7, 1.6))
        plate[:] = top + (paper - top) * share
    return plate


def _print(plate: Floats, cover: Floats, colour: Floats, layout: Layout, cells: tuple[Cell, ...], scale: float) -> None:
    """Ink onto paper; some characters have a colour of their own."""
    tinted = np.broadcast_to(colour, plate.shape)
    if layout.tints:
        tinted = tinted.copy()
        for index, tint in layout.tints:
            rows, columns = _pixels(cells[index], scale)
            tinted[rows, columns] = tint
    plate += (tinted - plate) * cover[:, :, None]


def _pixels(cell: Cell, scale: float) -> tuple[slice, slice]:
    left, top, width, height = (round(value * scale) for value in cell)
    return slice(max(0, top), max(0, top) + max(1, height)), slice(max(0, left), max(0, left) + max(1, width))


def _mark(plate: Floats, mark: Mark, colour: Floats, glyphs: Glyphs, scale: float) -> None:
    rows, columns = _pixels(mark.box, scale)
    if mark.shape == "bar":
        plate[rows, columns] = colour
    elif mark.shape == "dot":
        centre = ((columns.start + columns.stop) // 2, (rows.start + rows.stop) // 2)
        axes = (max(1, (columns.stop - columns.start) // 2), max(1, (rows.stop - rows.start) // 2))
        cv2.ellipse(plate, centre, axes, 0, 0, 360, colour.tolist(), -1, cv2.LINE_AA)
    elif mark.shape == "line":
        corner = (columns.stop - 1, rows.stop - 1)
        cv2.rectangle(plate, (columns.start, rows.start), corner, colour.tolist(), max(1, round(2 * scale)))
    else:
        _letters(plate[rows, columns], mark.text, colour, glyphs)


def _letters(place: Floats, text: str, colour: Floats, glyphs: Glyphs) -> None:
    """Small print, all letters of one width."""
    height, width = place.shape[:2]
    pitch = width // len(text) if text else 0
    if pitch < 2 or height < 3:
        return
    for index, letter in enumerate(text):
        try:
            mask = glyphs.mask(letter, "any", height, max(2, round(0.85 * pitch)))
        except DataError:
            continue
        part = place[:, index * pitch : index * pitch + mask.shape[1]]
        part += (colour - part) * (mask.astype(np.float32) / 255)[:, : part.shape[1], None]


def _border(mask: Image, layout: Layout, scale: float, rng: Generator) -> None:
    if layout.border is None and rng.random() > 0.85:
        return
    inset, thickness = layout.border or (rng.uniform(2, 7), rng.uniform(2, 4))
    if thickness <= 0:
        return
    corner = round(inset * scale)
    height, width = mask.shape
    cv2.rectangle(mask, (corner, corner), (width - 1 - corner, height - 1 - corner), 255, max(1, round(thickness * scale)))
