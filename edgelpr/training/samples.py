"""Training samples by number: rendered plates, mixed with labelled real crops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Dataset

from edgelpr.data.fitting import as_colour
from edgelpr.data.rendering.capture import capture
from edgelpr.data.rendering.samples import Renderer
from edgelpr.errors import PlateFormatError, TrainingError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image

_SHOWN = 5


class Sample(NamedTuple):
    """One crop with its targets; batched, every field gains a first dimension N."""

    crop: Tensor
    """(H, W) uint8, grey, preprocessed."""

    classes: Tensor
    """(P,) int64 class indices, void where the plate is shorter."""

    boxes: Tensor
    """(P, 4) float32 x0, y0, x1, y1 as shares of the crop, 0 to 1; NaN where unknown or void."""


class TrainingSamples(Dataset[Sample]):
    """Sample number n is always the same for a seed, so a run can stop and go on anywhere.

    Args:
        renderer: source of synthetic plates.
        seed: of the run.
        length: number of samples, for the loader.
        real: (crop, plate) pairs to mix in.
        real_share: share of them, 0 to 1.

    Raises:
        TrainingError: a share of real crops without any, real crops without a share, or labels that do not fit.
    """

    def __init__(
        self, renderer: Renderer, seed: int, length: int, real: Sequence[tuple[Image, str]] = (), real_share: float = 0.0
    ) -> None:
        if real_share > 0 and not real:
            raise TrainingError("a share of real crops was asked for, but there are none: name them with --real LABELS")
        _check_plates(renderer, [plate for _, plate in real])
        self._renderer, self._seed, self._length = renderer, seed, length
        if real and real_share == 0:
            raise TrainingError(
                "real crops were named, but their share is 0: say how many to mix in, for example --real-share 0.3"
            )
        self._real, self._real_share = tuple(real), real_share
        self._preprocessing = Preprocessing.of(renderer.plate_format)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> Sample:
        """Sample of that number."""
        rng = np.random.default_rng((self._seed, number, 1))
        if rng.random() < self._real_share:
            image, plate = self._real[int(rng.integers(len(self._real)))]
            return self._sample(_vary(image, rng), plate, None)
        rendered = self._renderer.render(self._seed, number)
        height, width = rendered.image.shape[:2]
        return self._sample(rendered.image, rendered.plate, rendered.boxes / np.array([width, height] * 2, dtype=np.float32))

    def _sample(self, image: Image, plate: str, boxes: np.ndarray | None) -> Sample:
        spec = self._renderer.plate_format
        padded = np.full((spec.positions, 4), np.nan, dtype=np.float32)
        if boxes is not None:
            padded[: len(boxes)] = boxes
        crop = torch.from_numpy(self._preprocessing.apply(image))
        return Sample(crop, torch.tensor(spec.encode(plate)), torch.from_numpy(padded))


def _check_plates(renderer: Renderer, plates: Sequence[str]) -> None:
    """Find labels that cannot be encoded now, not hours into the run."""
    mistakes = []
    for plate in plates:
        try:
            renderer.plate_format.encode(plate)
        except PlateFormatError as error:
            mistakes.append(str(error))
    if mistakes:
        shown = "; ".join(mistakes[:_SHOWN]) + (f"; and {len(mistakes) - _SHOWN} more" if len(mistakes) > _SHOWN else "")
        raise TrainingError(f"{len(mistakes)} of {len(plates)} real crops have labels that do not fit: {shown}")


def _vary(image: Image, rng: Generator) -> Image:
    """A real crop as another detector and another camera might have delivered it."""
    colour = as_colour(image)
    height, width = colour.shape[:2]
    if rng.random() < 0.8:
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
        moved = corners + rng.normal(0, (0.012 * width, 0.035 * height), (4, 2)).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(corners, moved)
        warped = cv2.warpPerspective(colour, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        colour = np.asarray(warped, dtype=np.uint8)
    return capture(colour, rng) if rng.random() < 0.5 else colour
