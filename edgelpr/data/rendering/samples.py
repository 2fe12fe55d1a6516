"""Rendered plates: one a number and a seed, always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgelpr.data.rendering.capture import capture
from edgelpr.data.rendering.geometry import View, character_boxes, choose_view
from edgelpr.data.rendering.glyphs import Glyphs
from edgelpr.data.rendering.layouts import Layout
from edgelpr.data.rendering.library import built_in_glyphs
from edgelpr.data.rendering.painting import MARGIN, Face, paint
from edgelpr.data.rendering.texts import draw
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image

Camera = Callable[[Image, Generator, float, float], Image]
"""A scene (H, W, 3), a source of choices, shares of infrared and of small pictures, to a crop."""

HEIGHTS = (16.0, 90.0)
"""Smallest and largest height of a common plate in pixels, unless told otherwise."""

_FACE_SCALES = (0.25, 0.35, 0.5, 0.7, 1.0)


@dataclass(frozen=True)
class RenderedPlate:
    """One synthetic crop with its labels."""

    image: Image
    """(H, W, 3) BGR, uint8."""

    plate: str
    """Its text."""

    boxes: NDArray[np.float32]
    """(K, 4) x0, y0, x1, y1 of every character in crop pixels, in reading order."""

    kind: str
    """Type of plate, for example ``green``."""


class Renderer:
    """Draws plates of a format.

    Args:
        plate_format: what may stand on a plate.
        glyphs: sources of shapes, one chosen a plate; by default what the package has for the format.
        shares: how often each source is chosen, summing to 1; by default equally.
        heights: smallest and largest height in pixels of a common plate; others are as much higher as keeps
            their characters equally large.
        description: of the glyphs, for the record of a training run.
        camera: what takes the pictures, called as ``capture`` is.
    """

    def __init__(
        self,
        plate_format: PlateFormat,
        glyphs: Sequence[Glyphs] = (),
        shares: Sequence[float] | None = None,
        heights: tuple[float, float] = HEIGHTS,
        description: str = "",
        camera: Camera = capture,
    ) -> None:
        self.plate_format = plate_format
        self.description = description
        self._glyphs = tuple(glyphs) or (built_in_glyphs(plate_format),)
        self._shares = shares
        self._heights = heights
        self._camera = camera

    def render(self, seed: int, number: int) -> RenderedPlate:
        """The plate of that number; the same for the same seed, whatever was drawn before.

        Raises:
            DataError: the glyphs lack a character of the format.
        """
        rng = np.random.default_rng((seed, number))
        text, layout = draw(self.plate_format, rng)
        return self._photograph(text, layout, rng)

    def choose_glyphs(self, rng: Generator) -> Glyphs:
        """One of the sources of shapes, as often as its share."""
        return self._glyphs[int(rng.choice(len(self._glyphs), p=self._shares))]

    def _photograph(self, text: str, layout: Layout, rng: Generator) -> RenderedPlate:
        glyphs = self.choose_glyphs(rng)
        low, high = self._heights
        plate_height = float(low * (high / low) ** rng.random()) * relative_height(layout)
        face = paint(text, layout, glyphs, face_scale(layout, plate_height), rng)
        view = choose_view(layout, plate_height, rng)
        crop = self._camera(look_at(face, view, rng), rng, layout.night, layout.shrunk)
        stretch = np.array([crop.shape[1] / view.size[0], crop.shape[0] / view.size[1]] * 2, dtype=np.float32)
        return RenderedPlate(crop, text, character_boxes(view, face.cells) * stretch, layout.name)


def face_scale(layout: Layout, plate_height: float) -> float:
    """Pixels a millimetre in which a face is painted that shall be seen at that height."""
    return next((s for s in _FACE_SCALES if s * layout.size[1] >= plate_height), _FACE_SCALES[-1])


def relative_height(layout: Layout) -> float:
    """Height of a plate relative to one of the common 140 mm whose characters, of 90 mm, come out equally large."""
    tall = sorted(cell[3] for cell in layout.cells)[len(layout.cells) // 2]
    return (layout.size[1] / 140) / (tall / 90)


def look_at(face: Face, view: View, rng: Generator) -> Image:
    """The face as the camera of that view sees it."""
    to_millimetres = np.array([(1 / face.scale, 0, -MARGIN), (0, 1 / face.scale, -MARGIN), (0, 0, 1)])
    backdrop = np.clip(rng.uniform(10, 240) + rng.normal(0, 20, 3), 0, 255)
    return view.look(face.image, to_millimetres, tuple(backdrop.tolist()))


def render_crops(plate_format: PlateFormat, count: int, seed: int = 0) -> Image:
    """Network inputs of rendered plates, for checks that need crops but no labels.

    Returns:
        (count, height, width) of the format's input, uint8, 0 to 255.

    Raises:
        DataError: the font in the package lacks a character of the format.
    """
    renderer, preprocessing = Renderer(plate_format), Preprocessing.of(plate_format)
    return preprocessing.batch(renderer.render(seed, number).image for number in range(count))
