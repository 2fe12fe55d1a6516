"""Probabilities of every class, frame by frame or track by track."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgelpr.benchmarks.fusion.frozen import Progress
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa
from edgelpr.models.iq_stan import FRAMES, IqStan

Floats = NDArray[np.float32]

Choice = NDArray[np.int64]
"""(N, 5) numbers of the frames that are read, in order; -1 for none, behind the others."""

_AT_ONCE = 20


class TrackReadings(NamedTuple):
    """What was read of one choice of each track's frames."""

    probabilities: Floats
    """(N, P, S) of every class."""

    likeness: Floats | None
    """(N, 5, 5) how alike the frames read, see ``edgelpr.models.iq_stan_likeness``; None where it was not asked for."""


def read_frames(network: Hpa, crops: NDArray[np.uint8], progress: Progress = lambda done, total: None) -> Floats:
    """Read every frame alone.

    Args:
        network: in evaluation mode.
        crops: (N, F, H, W), preprocessed for it.
        progress: told how many tracks are done.

    Returns:
        (N, F, P, S) probabilities.
    """
    door = GreyDoor(3, torch.float32)
    found = []
    with torch.inference_mode():
        for part in _parts(len(crops), progress):
            pixels = torch.from_numpy(crops[part])
            logits = network(door(pixels.flatten(0, 1))).logits
            found.append(torch.softmax(logits, -1).reshape(*pixels.shape[:2], *logits.shape[1:]).numpy())
    return np.concatenate(found)


def read_choices(
    network: IqStan,
    frames: NDArray[np.uint8],
    choices: Sequence[Choice],
    progress: Progress = lambda done, total: None,
    compare: bool = False,
) -> tuple[list[TrackReadings], Floats | None]:
    """Read several choices of each track's frames; the convolutions see each frame once.

    Args:
        network: in evaluation mode.
        frames: (N, 5, 50, 150), preprocessed for it.
        choices: what to read; at least one, each with at least one frame a track.
        progress: told how many tracks are done.
        compare: whether to compare the frames of each choice.

    Returns:
        What was read of each choice; and (N, 5) scores of the frames, None without the quality branch.
    """
    found: list[list[TrackReadings]] = [[] for _ in choices]
    scores: list[Floats] = []
    with torch.inference_mode():
        for part in _parts(len(frames), progress):
            features = network.cnn(torch.from_numpy(frames[part]).flatten(0, 1).unsqueeze(1).float() / 255)
            by_track = features.reshape(-1, FRAMES, *features.shape[1:])
            for kept, choice in zip(found, choices):
                kept.append(_read_chosen(network, by_track, torch.from_numpy(choice[part]), compare))
            if network.quality is not None:  # a frame's score depends on that frame alone
                scores.append(network.quality(features).mean(1).reshape(-1, FRAMES).numpy())
    return [_joined(kept) for kept in found], np.concatenate(scores) if scores else None


def all_frames(count: int) -> Choice:
    """All five, in order."""
    return np.tile(np.arange(FRAMES), (count, 1))


def first_frames(count: int, frames: int) -> Choice:
    """The first ones."""
    return _kept(all_frames(count), frames)


def one_frame(count: int, number: int) -> Choice:
    """That one alone."""
    return _kept(np.full((count, FRAMES), number), 1)


def best_frames(scores: Floats, frames: int) -> Choice:
    """The best ones by their scores, in the order of time; of equal ones the earlier."""
    best = np.sort(np.argsort(-scores, axis=1, kind="stable")[:, :frames], axis=1)
    return np.pad(best, ((0, 0), (0, FRAMES - frames)), constant_values=-1)


def _kept(order: Choice, frames: int) -> Choice:
    return np.where(np.arange(FRAMES) < frames, order, -1)


def _read_chosen(network: IqStan, by_track: Tensor, choice: Tensor, compare: bool) -> TrackReadings:
    """From features (N, 5, C, h, w) of all frames."""
    present = (choice >= 0).float()
    rows = torch.arange(len(choice))[:, None]
    chosen = by_track[rows, choice.clamp_min(0)] * present[..., None, None, None]
    output = network.read_features(chosen.flatten(0, 1), present, compare=compare)
    likeness = None if output.likeness is None else output.likeness.numpy()
    return TrackReadings(torch.softmax(output.logits, -1).numpy(), likeness)


def _joined(parts: Sequence[TrackReadings]) -> TrackReadings:
    likeness = [part.likeness for part in parts if part.likeness is not None]
    return TrackReadings(np.concatenate([part.probabilities for part in parts]), np.concatenate(likeness) if likeness else None)


def _parts(count: int, progress: Progress) -> Iterator[slice]:
    for start in range(0, count, _AT_ONCE):
        yield slice(start, start + _AT_ONCE)
        progress(min(count, start + _AT_ONCE), count)
