"""Drawing a track: its frames with their quality, and where the network looked."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.data.drawing import COLOURS, PAPER, tint
from edgelpr.data.fitting import as_colour
from edgelpr.data.lettering import Colour, Lettering, find_lettering
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.tracks.maps import over_frame
from edgelpr.runtime.tracks.reading import TrackMaps, TrackReading

_WIDTH, _MARGIN = 820, 10
_TITLE, _LABEL, _CAPTIONS = 26, 14, 120
_BLACK: Colour = (0, 0, 0)
_GREEN: Colour = (60, 170, 40)
_MOST_FRAMES = 5
_STEP = (_WIDTH - _CAPTIONS - 2 * _MARGIN) // _MOST_FRAMES
_TILE = (_STEP - _MARGIN, (_STEP - _MARGIN) // 3)
"""Width and height of a frame in pixels: those of the network's input, 3 to 1."""


def draw_track(reading: TrackReading, maps: TrackMaps) -> tuple[Image, str | None]:
    """A sheet: the plate, its confidence and how likely all frames show one; the frames as the network saw them, with their
    quality; a row for the temporal attention, which shows what it kept; a row for each character, which shows where the decoder
    looked.

    Args:
        reading: what was read.
        maps: of the same reading.

    Returns:
        (H, 820, 3) BGR uint8, and what the lettering could not write, for the user (None: it wrote everything).
    """
    lettering = find_lettering()
    tiles = [np.asarray(cv2.resize(as_colour(frame), _TILE, interpolation=cv2.INTER_CUBIC), np.uint8) for frame in maps.frames]
    rows = [_row(lettering, "frames", tiles)]
    if maps.temporal is not None:
        kept = [_tinted(tile, weights / 2, _GREEN) for tile, weights in zip(tiles, maps.temporal)]
        rows.append(_row(lettering, "temporal", kept))
    for number, (character, looks) in enumerate(zip(reading.characters, maps.attention)):
        colour = COLOURS[number % len(COLOURS)]
        # Of five frames each gets a fifth at most, so the strongest column of the character sets the scale.
        shares = looks / max(float(looks.max()), 1e-9)
        seen = [_tinted(tile, share[None], colour) for tile, share in zip(tiles, shares)]
        rows.append(_row(lettering, f"{character.text} {character.confidence:.2f}", seen, colour))
    head = [_title(lettering, reading), rows[0], _qualities(lettering, reading)]
    return np.concatenate([*head, *rows[1:], _blank(_MARGIN)]), lettering.limits


def _tinted(tile: Image, map_of_frame: NDArray[np.float32], colour: Colour) -> Image:
    grey = as_colour(np.asarray(cv2.cvtColor(tile, cv2.COLOR_BGR2GRAY), np.uint8))
    return tint(grey, [(over_frame(map_of_frame, *_TILE), colour)])


def _row(lettering: Lettering, caption: str, tiles: Sequence[Image], colour: Colour = _BLACK) -> Image:
    width, height = _TILE
    row = _blank(height + _MARGIN)
    lettering.draw(row, caption, (_MARGIN, (height - _LABEL) // 2), _LABEL, colour)
    for place, tile in enumerate(tiles):
        left = _CAPTIONS + _MARGIN + place * _STEP
        row[:height, left : left + width] = tile
    return row


def _qualities(lettering: Lettering, reading: TrackReading) -> Image:
    row = _blank(_LABEL + 2 * _MARGIN)
    for place, frame in enumerate(reading.frames):
        text = "not scored" if frame.quality is None else f"quality {frame.quality:.2f}"
        lettering.draw(row, text, (_CAPTIONS + _MARGIN + place * _STEP, 0), _LABEL, _BLACK)
    return row


def _title(lettering: Lettering, reading: TrackReading) -> Image:
    title = _blank(_TITLE + 3 * _MARGIN)
    same = "" if reading.same_plate is None or len(reading.frames) == 1 else f"   one plate {reading.same_plate:.3f}"
    text = f"{reading.plate or '(nothing)'}   confidence {reading.confidence:.3f}{same}"
    lettering.draw(title, text, (_MARGIN, _MARGIN), _TITLE, _BLACK)
    return title


def _blank(height: int) -> Image:
    return np.full((height, _WIDTH, 3), PAPER, dtype=np.uint8)
