"""Drawing a reading onto its crop: plate, confidences, and where each character was found."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.data.fitting import fit_into
from edgelpr.data.lettering import Colour, Lettering, find_lettering
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.maps import boxes_from_maps
from edgelpr.runtime.reading import CharacterReading, Reading

_WIDTH = 800
_MAX_HEIGHT = 480
_MARGIN = 10
_TITLE, _LABEL = 26, 14
_BLACK = (0, 0, 0)
_HEAT = 0.65  # a map of value 1 leaves a third of the picture visible
PAPER = 245
"""Grey of a sheet."""

_Map = NDArray[np.float32]
COLOURS: tuple[Colour, ...] = ((60, 60, 230), (40, 150, 240), (40, 190, 90), (200, 170, 30), (230, 90, 60), (200, 60, 170))
"""Of characters, in turn."""


def draw_reading(crop: Image, reading: Reading, maps: NDArray[np.float32] | None = None) -> tuple[Image, str | None]:
    """The enlarged crop with HPA maps and boxes on it, the plate above, each character with its own map below.

    Args:
        crop: (H, W) grey or (H, W, 3) BGR, uint8, what was read.
        reading: what was read.
        maps: (P, h, w), 0 to 1, the HPA maps of this crop.

    Returns:
        (H', 820, 3) BGR uint8, and what the lettering could not write, for the user (None: it wrote everything).
    """
    lettering = find_lettering()
    picture, factors = _enlarge(crop)
    found = _maps_of_characters(reading, maps, (crop.shape[1], crop.shape[0]))
    tiles = _tiles(picture, reading, found, lettering)
    height, width = picture.shape[:2]
    top = _TITLE + 3 * _MARGIN
    sheet = np.full((top + height + _MARGIN + tiles.shape[0], _WIDTH + 2 * _MARGIN, 3), PAPER, dtype=np.uint8)
    lettering.draw(sheet, _title(reading), (_MARGIN, _MARGIN), _TITLE, _BLACK)
    sheet[top : top + height, _MARGIN : _MARGIN + width] = _with_maps_and_boxes(picture, reading, found, factors)
    sheet[top + height + _MARGIN :, _MARGIN:-_MARGIN] = tiles
    return sheet, lettering.limits


def _title(reading: Reading) -> str:
    return f"{reading.plate or '(nothing)'}   confidence {reading.confidence:.3f}"


def _enlarge(crop: Image) -> tuple[Image, tuple[float, float]]:
    """The crop in colour at the sheet's width, and by what it grew in x and y."""
    large = fit_into(crop, _WIDTH, _MAX_HEIGHT)
    return large, (large.shape[1] / crop.shape[1], large.shape[0] / crop.shape[0])


def _maps_of_characters(reading: Reading, maps: _Map | None, size: tuple[int, int]) -> Sequence[_Map | None]:
    """The map of each character, (h, w): the one whose box is the character's; None where there is none."""
    if maps is None:
        return [None] * len(reading.characters)
    boxes = boxes_from_maps(maps[None], np.array([size], dtype=np.float64))[0]  # (P, 4)
    found: list[_Map | None] = []
    for character in reading.characters:
        distance = np.nan_to_num(np.abs(boxes - (character.box or np.nan)).max(axis=1), nan=np.inf)
        found.append(maps[distance.argmin()] if np.isfinite(distance.min()) else None)
    return found


def _with_maps_and_boxes(picture: Image, reading: Reading, maps: Sequence[_Map | None], factors: tuple[float, float]) -> Image:
    colours = [COLOURS[index % len(COLOURS)] for index in range(len(maps))]
    drawn = tint(picture, [(weights, colour) for weights, colour in zip(maps, colours) if weights is not None])
    for character, colour in zip(reading.characters, colours):
        if character.box is not None:
            x0, y0, x1, y1 = (round(side * factor) for side, factor in zip(character.box, factors * 2))
            cv2.rectangle(drawn, (x0, y0), (x1, y1), colour, 2)
    return drawn


def tint(picture: Image, layers: Sequence[tuple[_Map, Colour]]) -> Image:
    """A picture with colours where their maps are high; mixed at the maps' size, enlarged once.

    Args:
        picture: (H, W, 3) BGR, uint8.
        layers: maps (h, w), 0 to 1, all of one size, each with its colour.
    """
    if not layers:
        return np.array(picture, dtype=np.uint8)
    colours = np.array([(*colour, 1) for _, colour in layers], dtype=np.float32)
    weights = np.stack([np.clip(weights, 0, 1) for weights, _ in layers], axis=-1)  # (h, w, layers)
    shares = _HEAT * weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1)
    mixed = (shares @ colours).astype(np.float32)  # (h, w, 4): blue, green, red, and how much of them
    large = cv2.resize(mixed, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    tinted: Image = (picture * (1 - large[:, :, 3:]) + large[:, :, :3]).astype(np.uint8)
    return tinted


def _tiles(picture: Image, reading: Reading, maps: Sequence[_Map | None], lettering: Lettering) -> Image:
    """One tile a character, side by side: (h, 800, 3)."""
    count = max(1, len(reading.characters))
    step = _WIDTH // count
    width = step - _MARGIN
    height = max(1, round(picture.shape[0] * width / picture.shape[1])) if any(weights is not None for weights in maps) else 0
    tiles = np.full((height + _LABEL + 2 * _MARGIN, _WIDTH, 3), PAPER, dtype=np.uint8)
    small = _small_grey(picture, width, height)
    for index, (character, weights) in enumerate(zip(reading.characters, maps)):
        colour = COLOURS[index % len(COLOURS)]
        left = index * step
        if weights is not None:
            tiles[:height, left : left + width] = tint(small, [(weights, colour)])
        lettering.draw(tiles, _label(character), (left, height + _MARGIN), _LABEL, colour)
    return tiles


def _small_grey(picture: Image, width: int, height: int) -> Image:
    """(height, width, 3) without colours of its own, so that a tint shows."""
    small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (width, max(1, height)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def _label(character: CharacterReading) -> str:
    return f"{character.text} {character.confidence:.2f}"
