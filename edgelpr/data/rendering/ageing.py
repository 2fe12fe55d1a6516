"""What the road does to a plate: relief, screws, mud, splashes, scratches, worn paint."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def emboss(plate: Floats, cover: Floats, strength: float) -> None:
    """Light and shade along the edges of the relief, in place; ``cover`` is (H, W), 0 to 1."""
    plate[1:, 1:] += np.float32(strength) * (cover[1:, 1:] - cover[:-1, :-1])[:, :, None]


def bolt(plate: Floats, size: tuple[int, int], scale: float, rng: Generator) -> None:
    """Two or four screws on most plates, some with a shadow, a few with wide caps, in place."""
    if rng.random() < 0.35:
        return
    width, height = size
    wide = rng.random() < 0.12
    places = [(x, y) for x in (0.25, 0.75) for y in (0.09, 0.91)]
    for x, y in places[:: int(rng.integers(1, 3))]:
        centre = (round((x * width + rng.normal(0, 6)) * scale), round((y * height + rng.normal(0, 2)) * scale))
        radius = max(1, round(rng.uniform(4, 14 if wide else 8) * scale))
        shade = float(rng.uniform(20, 230))
        if rng.random() < 0.4:
            cv2.circle(plate, (centre[0] + 1, centre[1] + 1), radius, (20.0, 20.0, 20.0), -1, cv2.LINE_AA)
        cv2.circle(plate, centre, radius, (shade, shade, shade), -1, cv2.LINE_AA)


def age(plate: Floats, rng: Generator) -> None:
    """Wear and dirt, in place; most plates stay clean."""
    chance = rng.random()
    if chance < 0.22:
        _mud(plate, rng)
    elif chance < 0.27:
        _rising_dirt(plate, rng)
    elif chance < 0.32:
        _splashes(plate, rng)
    if rng.random() < 0.06:
        _scratches(plate, rng)
    if rng.random() < 0.08:
        _wear(plate, rng)


def _field(shape: tuple[int, ...], rows: tuple[int, int], columns: tuple[int, int], rng: Generator) -> Floats:
    """(H, W) smooth noise, 0 to 1."""
    grain = rng.random((int(rng.integers(*rows)), int(rng.integers(*columns))), dtype=np.float32)
    return np.asarray(cv2.resize(grain, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _cover(plate: Floats, cover: Floats, rng: Generator) -> None:
    mud = rng.uniform(30, 190) + rng.normal(0, 12, 3).astype(np.float32)
    plate += (mud.astype(np.float32) - plate) * cover[:, :, None]


def _mud(plate: Floats, rng: Generator) -> None:
    field = _field(plate.shape, (3, 9), (6, 24), rng)
    cover = np.clip((field - np.float32(rng.uniform(0.35, 0.75))) * 3, 0, 1) * np.float32(rng.uniform(0.2, 0.8))
    _cover(plate, cover, rng)


def _rising_dirt(plate: Floats, rng: Generator) -> None:
    """Densest at the lower edge."""
    height = plate.shape[0]
    rise = np.clip(np.linspace(-rng.uniform(0, 1.5), 1, height, dtype=np.float32), 0, 1)[:, None]
    field = _field(plate.shape, (3, 12), (8, 40), rng)
    _cover(plate, rise * field * np.float32(rng.uniform(0.4, 0.95)), rng)


def _splashes(plate: Floats, rng: Generator) -> None:
    height, width = plate.shape[:2]
    shade = float(rng.uniform(20, 170))
    for x, y, size in rng.random((int(rng.integers(5, 40)), 3)):
        radius = max(1, round(0.035 * height * size))
        cv2.circle(plate, (int(x * width), int(y * height)), radius, (shade * 0.9, shade, shade), -1, cv2.LINE_AA)


def _scratches(plate: Floats, rng: Generator) -> None:
    height, width = plate.shape[:2]
    for x0, y0, x1, y1 in rng.random((int(rng.integers(1, 5)), 4)):
        start, end = (int(x0 * width), int(y0 * height)), (int((x0 + (x1 - x0) * 0.3) * width), int(y1 * height))
        shade = float(rng.uniform(40, 230))
        cv2.line(plate, start, end, (shade, shade, shade), 1, cv2.LINE_AA)


def _wear(plate: Floats, rng: Generator) -> None:
    """Paint rubbed off towards the mean of the plate."""
    field = _field(plate.shape, (4, 14), (10, 44), rng)
    worn = np.clip((field - np.float32(rng.uniform(0.45, 0.7))) * 5, 0, 1) * np.float32(rng.uniform(0.3, 0.75))
    plate += (plate.mean((0, 1)) - plate) * worn[:, :, None]
