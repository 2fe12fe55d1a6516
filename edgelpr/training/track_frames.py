"""Frames of rendered tracks as single crops, of the kind that IQ-STAN trains on, for networks that read one frame at a time."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from edgelpr.data.rendering.samples import Renderer
from edgelpr.data.rendering.tracks.from_crop import frames_from
from edgelpr.data.rendering.tracks.tracks import Track, TrackRenderer
from edgelpr.models.iq_stan import FRAMES
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.training.rendered import Drawn

_HARDNESS = 1.0
"""That of IQ-STAN's tracks, once they are no longer eased."""


class TrackFrameSource:
    """Frame after frame of the tracks that ``TrackSamples`` draws for the same seed once it no longer eases them.

    Where their characters are is not known.

    Args:
        renderer: of single plates.
        seed: of the run.
    """

    def __init__(self, renderer: Renderer, seed: int) -> None:
        self._preprocessing = Preprocessing.of(renderer.plate_format)
        self._renderer, self._seed = TrackRenderer(renderer, self._preprocessing), seed
        self._last: tuple[int, Track] | None = None

    @property
    def plate_format(self) -> PlateFormat:
        """What may stand on the plates."""
        return self._renderer.plate_format

    def take(self, number: int) -> Drawn:
        """The frame of that number; five numbers in turn are of one plate.

        Raises:
            DataError: the glyphs lack a character of the format.
        """
        track = self._track(number // FRAMES)
        boxes = np.full((self.plate_format.positions, 4), np.nan, dtype=np.float32)
        classes = np.array(self.plate_format.encode(track.plate), dtype=np.int16)
        return Drawn(self._preprocessing.apply(track.frames[number % FRAMES]), classes, boxes)

    def _track(self, number: int) -> Track:
        """Kept until another is asked for: frames are taken in turn, and a track is drawn as a whole."""
        if self._last is None or self._last[0] != number:
            self._last = number, self._renderer.render(self._seed, number, FRAMES, _HARDNESS)
        return self._last[1]


def damage_real(image: Image, rng: Generator) -> Image:
    """A real crop as a frame of a track made from it.

    Args:
        image: (H, W) grey or (H, W, 3) BGR, uint8.
        rng: source of every choice.

    Returns:
        (h, w, 3) BGR, uint8.
    """
    frame, _ = next(frames_from(image, rng, 1, _HARDNESS))
    return frame
