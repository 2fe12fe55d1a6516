"""Rendered tracks: one a number and a seed, always the same."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from edgelpr.data.rendering.geometry import view_from
from edgelpr.data.rendering.layouts import Layout
from edgelpr.data.rendering.painting import Face, paint
from edgelpr.data.rendering.samples import Renderer, face_scale, look_at, relative_height
from edgelpr.data.rendering.texts import draw
from edgelpr.data.rendering.tracks.degrading import Camera, choose_camera, degrade
from edgelpr.data.rendering.tracks.from_crop import frames_from
from edgelpr.data.rendering.tracks.legibility import legibility
from edgelpr.data.rendering.tracks.motion import Moment, choose_track
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image

GENERATOR_VERSION = 1
"""Goes up when the same seed gives other tracks."""

_TRACK = 5
_SHARPEST = 56.0


@dataclass(frozen=True)
class Track:
    """Captures of one plate, in the order of time."""

    frames: tuple[Image, ...]
    """(h, w, 3) BGR, uint8, each of its own size."""

    quality: tuple[float, ...]
    """``legibility`` of each, 0 to 1."""

    plate: str
    """Its text."""

    kind: str
    """Type of plate, for example ``green``."""


class TrackRenderer:
    """Draws tracks of a format.

    Args:
        renderer: of single plates, for its plate format and glyphs.
        preprocessing: of the network's frames, at whose size the quality is measured.
    """

    def __init__(self, renderer: Renderer, preprocessing: Preprocessing) -> None:
        self._renderer, self._preprocessing = renderer, preprocessing

    @property
    def plate_format(self) -> PlateFormat:
        """What may stand on a plate."""
        return self._renderer.plate_format

    @property
    def description(self) -> str:
        """Of the glyphs, for the record of a training run."""
        return self._renderer.description

    def render(self, seed: int, number: int, frames: int = 5, hardness: float = 1.0) -> Track:
        """The track of that number; the same for the same arguments, whatever was drawn before.

        Args:
            seed: of all tracks.
            number: of this one.
            frames: captures.
            hardness: 0 to 1, scales all damage.

        Raises:
            DataError: the glyphs lack a character of the format.
        """
        rng = np.random.default_rng((seed, number, _TRACK))
        text, layout = draw(self.plate_format, rng)
        return self.of_plate(text, layout, rng, frames, hardness)

    def of_plate(self, text: str, layout: Layout, rng: Generator, frames: int = 5, hardness: float = 1.0) -> Track:
        """A track of a plate that was chosen before.

        Args:
            text: what stands on it.
            layout: what it looks like; has a place for each character.
            rng: source of every choice.
            frames: captures.
            hardness: 0 to 1, scales all damage.

        Raises:
            DataError: the glyphs lack a character of the text.
        """
        moments = choose_track(frames, hardness, rng)
        relative = relative_height(layout)
        tallest = max(_SHARPEST, *(moment.height for moment in moments)) * relative
        face = paint(text, layout, self._renderer.choose_glyphs(rng), face_scale(layout, tallest), rng)
        camera = choose_camera(layout.night, rng)
        taken = [self._take(face, layout, moment, camera, relative, rng) for moment in moments]
        return Track(tuple(frame for frame, _ in taken), tuple(quality for _, quality in taken), text, layout.name)

    def _take(
        self, face: Face, layout: Layout, moment: Moment, camera: Camera, relative: float, rng: Generator
    ) -> tuple[Image, float]:
        """A frame and its quality against a close look from the same place."""
        sharpest = max(_SHARPEST, moment.height)
        view = view_from(moment.pose, layout, sharpest * relative, rng)
        pristine = look_at(face, view, rng)
        share = moment.height / sharpest
        size = (max(16, round(view.size[0] * share)), max(8, round(view.size[1] * share)))
        scene = pristine if share == 1 else np.asarray(cv2.resize(pristine, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        frame = degrade(scene, moment.damage, camera, rng)
        return frame, self._quality(frame, pristine)

    def from_crop(self, crop: Image, plate: str, rng: Generator, frames: int = 5, hardness: float = 1.0) -> Track:
        """A track made from one real crop, each frame moved and damaged apart; quality is relative to the crop itself.

        Args:
            crop: (H, W) grey or (H, W, 3) BGR, uint8.
            plate: its text.
            rng: source of every choice.
            frames: captures.
            hardness: 0 to 1, scales all damage.
        """
        taken = [(frame, self._quality(frame, moved)) for frame, moved in frames_from(crop, rng, frames, hardness)]
        return Track(tuple(frame for frame, _ in taken), tuple(quality for _, quality in taken), plate, "real")

    def _quality(self, frame: Image, pristine: Image) -> float:
        return legibility(self._preprocessing.apply(frame), self._preprocessing.apply(pristine))
