"""Rendered plates as the network takes them, by number."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edgelpr.data.rendering.samples import Renderer
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image

_FINGERPRINTED = 8


class Drawn(NamedTuple):
    """One preprocessed crop with its targets, as plain arrays."""

    crop: Image
    """(H, W) uint8, grey, preprocessed."""

    classes: NDArray[np.int16]
    """(P,) class indices, void where the plate is shorter."""

    boxes: NDArray[np.float32]
    """(P, 4) x0, y0, x1, y1 as shares of the crop, 0 to 1; NaN where void."""


class Source(Protocol):
    """Where rendered samples come from: drawn anew, or kept in a pool."""

    @property
    def plate_format(self) -> PlateFormat:
        """What may stand on the plates."""

    def take(self, number: int) -> Drawn:
        """The sample of that number, the same whenever it is asked for."""


class RenderedSource:
    """Draws each plate when it is asked for.

    Args:
        renderer: of the plates.
        seed: of the run.
    """

    def __init__(self, renderer: Renderer, seed: int) -> None:
        self._renderer, self._seed = renderer, seed
        self._preprocessing = Preprocessing.of(renderer.plate_format)

    @property
    def plate_format(self) -> PlateFormat:
        """What may stand on the plates."""
        return self._renderer.plate_format

    def take(self, number: int) -> Drawn:
        """The plate of that number.

        Raises:
            DataError: the glyphs lack a character of the format.
        """
        rendered = self._renderer.render(self._seed, number)
        height, width = rendered.image.shape[:2]
        boxes = np.full((self.plate_format.positions, 4), np.nan, dtype=np.float32)
        boxes[: len(rendered.boxes)] = rendered.boxes / np.array([width, height] * 2, dtype=np.float32)
        classes = np.array(self.plate_format.encode(rendered.plate), dtype=np.int16)
        return Drawn(self._preprocessing.apply(rendered.image), classes, boxes)

    def identity(self) -> str:
        """SHA-256 of what decides the plates: format, glyphs, seed, and a few plates as this version draws them."""
        described = {"plate_format": self.plate_format.to_dict(), "glyphs": self._renderer.description, "seed": self._seed}
        digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
        for number in range(_FINGERPRINTED):
            for array in self.take(number):
                digest.update(array.tobytes())
        return digest.hexdigest()
