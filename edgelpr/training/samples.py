"""Training samples by number: rendered plates, mixed with labelled real crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Dataset

from edgelpr.errors import TrainingError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.training.real import RealSet, check_plates, shares_of
from edgelpr.training.rendered import Drawn, Source
from edgelpr.training.varying_real import vary_real

_CHOICE = 1


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
        source: of rendered plates.
        seed: of the run.
        length: number of samples, for the loader.
        real: sets of real crops to mix in.
        real_share: share of them, 0 to 1.
        real_weights: how often each set is drawn, relative to the others; equally often when empty.
        vary: changes a real crop each time it is drawn.

    Raises:
        TrainingError: a share of real crops without any, real crops without a share, weights or labels that do not fit.
    """

    def __init__(
        self,
        source: Source,
        seed: int,
        length: int,
        real: Sequence[RealSet] = (),
        real_share: float = 0.0,
        real_weights: Sequence[float] = (),
        vary: Callable[[Image, Generator], Image] = vary_real,
    ) -> None:
        if real_share > 0 and not real:
            raise TrainingError("a share of real crops was asked for, but there are none: name them with --real LABELS")
        check_plates(source.plate_format, real)
        if real and real_share == 0:
            raise TrainingError(
                "real crops were named, but their share is 0: say how many to mix in, for example --real-share 0.3"
            )
        self._source, self._seed, self._length = source, seed, length
        self._real, self._real_share = tuple(real), real_share
        self._set_shares, self._vary = shares_of(real, real_weights), vary
        self._preprocessing = Preprocessing.of(source.plate_format)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> Sample:
        """Sample of that number."""
        rng = np.random.default_rng((self._seed, number, _CHOICE))
        drawn = self._draw_real(rng) if rng.random() < self._real_share else self._source.take(number)
        crop, classes, boxes = (torch.from_numpy(array) for array in drawn)
        return Sample(crop, classes.long(), boxes)

    def _draw_real(self, rng: Generator) -> Drawn:
        """A set, then one of its crops: a small set counts as much as a large one unless weights say otherwise."""
        crops = self._real[int(rng.choice(len(self._real), p=self._set_shares))].crops
        image, plate = crops[int(rng.integers(len(crops)))]
        spec = self._source.plate_format
        boxes = np.full((spec.positions, 4), np.nan, dtype=np.float32)
        classes = np.array(spec.encode(plate), dtype=np.int16)
        return Drawn(self._preprocessing.apply(self._vary(image, rng)), classes, boxes)
