"""Training tracks by number: rendered ones, mixed with ones made from labelled real crops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Dataset

from edgelpr.data.rendering.tracks.tracks import Track, TrackRenderer
from edgelpr.errors import TrainingError
from edgelpr.models.iq_stan import FRAMES
from edgelpr.models.iq_stan_features import FRAME_HEIGHT, FRAME_WIDTH
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.real import RealSet, check_plates, shares_of
from edgelpr.training.tracks.config import TrackConfig

_CHOICE = 6
_SHUFFLED = 0.3
_PREPROCESSING = Preprocessing(FRAME_HEIGHT, FRAME_WIDTH)


class TrackSample(NamedTuple):
    """One track with its targets; batched, every field gains a first dimension N."""

    frames: Tensor
    """(5, 50, 150) uint8, grey, preprocessed; 0 where there is no frame."""

    present: Tensor
    """(5,) float32, 1 for a frame that is there; they come first."""

    quality: Tensor
    """(5,) float32, ``legibility`` of each frame, 0 to 1; 0 where there is none."""

    classes: Tensor
    """(P,) int64 class indices, void where the plate is shorter."""


class TrackSamples(Dataset[TrackSample]):
    """Sample number n is always the same for a seed, so a run can stop and go on anywhere.

    Args:
        renderer: of tracks.
        config: of the run.
        real: sets of real crops to mix in.

    Raises:
        TrainingError: a share of real crops without any, real crops without a share, weights or labels that do not fit.
    """

    def __init__(self, renderer: TrackRenderer, config: TrackConfig, real: Sequence[RealSet] = ()) -> None:
        if bool(real) != (config.real_share > 0):
            raise TrainingError(
                f"real_share is {config.real_share} with {len(real)} sets of real crops; expected both or neither: "
                "name crops with --real LABELS and say how many to mix in, for example --real-share 0.15"
            )
        check_plates(renderer.plate_format, real)
        self._renderer, self._config, self._real = renderer, config, tuple(real)
        self._set_shares = shares_of(real, config.weights_of_real_sets)

    def __len__(self) -> int:
        return self._config.steps * self._config.batch

    def __getitem__(self, number: int) -> TrackSample:
        """Sample of that number; how hard it is depends on the step that it belongs to."""
        config = self._config
        rng = np.random.default_rng((config.seed, number, _CHOICE))
        hardness = config.hardness(number // config.batch)
        count = int(rng.integers(1, FRAMES)) if rng.random() < config.few_frames else FRAMES
        real, shuffled = rng.random() < config.real_share, rng.random() < _SHUFFLED
        track = self._draw_real(rng, hardness) if real else self._renderer.render(config.seed, number, FRAMES, hardness)
        order = rng.permutation(FRAMES) if shuffled else np.arange(FRAMES)
        return as_sample(track, order[:count].tolist(), self._renderer.plate_format)

    def _draw_real(self, rng: Generator, hardness: float) -> Track:
        """A set, then one of its crops: a small set counts as much as a large one unless weights say otherwise."""
        crops = self._real[int(rng.choice(len(self._real), p=self._set_shares))].crops
        image, plate = crops[int(rng.integers(len(crops)))]
        return self._renderer.from_crop(image, plate, rng, FRAMES, hardness)


def as_sample(track: Track, order: Sequence[int], plate_format: PlateFormat) -> TrackSample:
    """A track as the network takes it.

    Args:
        track: of any number of frames.
        order: numbers of the frames to take, five at most.
        plate_format: encodes the plate.
    """
    frames = np.zeros((FRAMES, FRAME_HEIGHT, FRAME_WIDTH), dtype=np.uint8)
    quality, present = np.zeros((2, FRAMES), dtype=np.float32)
    for place, number in enumerate(order):
        frames[place] = _PREPROCESSING.apply(track.frames[number])
        quality[place], present[place] = track.quality[number], 1
    classes = torch.tensor(plate_format.encode(track.plate), dtype=torch.long)
    return TrackSample(torch.from_numpy(frames), torch.from_numpy(present), torch.from_numpy(quality), classes)
