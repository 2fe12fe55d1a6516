"""Fitting the confidence of readings of tracks, after a run (ours)."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from edgelpr.bundle.confidence import LEAST, TrackConfidence, log_odds
from edgelpr.data.rendering.tracks.tracks import TrackRenderer
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.training.tracks.samples import TrackSample, as_sample
from edgelpr.training.tracks.validating import RESERVED_SEED, stacked

CONFIDENCE_SEED = RESERVED_SEED + 2
"""Of the tracks that confidence is fitted on."""

TRACKS = 2000
"""Enough for four coefficients."""

_MIXED = 0.1
_MOST_STRANGE = 2
_FEWER = 0.4
_MILDEST = 0.2
_CHOICE = 8
_AT_ONCE = 50
_ROUNDS = 50
_PULL = 1e-3

Curve = tuple[float, float]
"""Offset and slope of a logistic function of one variable."""


class _Found(NamedTuple):
    """What a network says of N tracks."""

    readings: NDArray[np.float64]
    """(N,) log odds of the product of the characters' probabilities."""

    agreements: NDArray[np.float64]
    """(N,) logarithm of the least likeness of two frames."""

    right: NDArray[np.bool_]
    """(N,) whether the plate is right."""


def fit_confidence(
    network: IqStan, renderer: TrackRenderer, tracks: int = TRACKS, progress: Callable[[int, int], None] = lambda *_: None
) -> TrackConfidence:
    """Two logistic regressions on rendered tracks that no run trains on.

    The tracks are mild and hard, and two fifths have fewer than five frames. Whether a plate is right is learned from them as
    they are; whether a track is of one plate from them beside the same tracks with one or two frames of another plate, which
    count as if they were one track in ten.

    Args:
        network: evaluation mode, on any device.
        renderer: of the tracks.
        tracks: how many, 2 or more.
        progress: told how many are done, and of how many.
    """
    found: list[_Found] = []
    mixed: list[NDArray[np.float64]] = []
    for start in range(0, tracks, _AT_ONCE):
        numbers = range(start, min(tracks, start + _AT_ONCE))
        samples = [_sample(renderer, number) for number in numbers]
        found.append(_read(network, stacked(samples)))
        strange = [both for both in (_mixed(renderer, *each) for each in zip(numbers, samples)) if both is not None]
        if strange:
            mixed.append(_read(network, stacked(strange)).agreements)
        progress(numbers.stop, tracks)
    own = _Found(*map(np.concatenate, zip(*found)))
    others = np.concatenate([*mixed, np.empty(0)])
    agreements = np.concatenate([own.agreements, others])
    one_plate = np.arange(len(agreements)) < tracks
    weights = np.where(one_plate, 1.0, _MIXED / (1 - _MIXED) * tracks / max(1, len(others)))
    curves = (*fit_curve(own.readings, own.right), *fit_curve(agreements, one_plate, weights))
    return TrackConfidence(*(round(coefficient, 4) for coefficient in curves))


def fit_curve(values: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64] | None = None) -> Curve:
    """Logistic regression on one variable by Newton's method.

    A slope below 0 becomes 0, since only chance makes one here, and both coefficients are drawn to 0 a little, so that they
    stay finite where the data would let them grow without end.

    Args:
        values: (N,) the variable.
        right: (N,) the answers.
        weights: (N,) of the examples; each counts 1 when absent.
    """
    columns = np.stack([np.ones_like(values), values], axis=1)
    weights = np.ones_like(values) if weights is None else weights
    offset, slope = _solve(columns, right, weights)
    return (offset, slope) if slope >= 0 else (_solve(columns[:, :1], right, weights)[0], 0.0)


def _solve(columns: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64]) -> list[float]:
    coefficients = np.zeros(columns.shape[1])
    pull = _PULL * np.eye(columns.shape[1])
    for _ in range(_ROUNDS):
        certain = 1 / (1 + np.exp(-(columns @ coefficients).clip(-30, 30)))
        slope = columns.T @ (weights * (right - certain)) - pull @ coefficients
        bend = (columns * (weights * certain * (1 - certain))[:, None]).T @ columns + pull
        step = np.linalg.solve(bend, slope)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-9:
            break
    found: list[float] = coefficients.tolist()
    return found


def _sample(renderer: TrackRenderer, number: int) -> TrackSample:
    hardness, count, _ = _choices(number)
    track = renderer.render(CONFIDENCE_SEED, 2 * number, FRAMES, hardness)
    return as_sample(track, range(count), renderer.plate_format)


def _mixed(renderer: TrackRenderer, number: int, sample: TrackSample) -> TrackSample | None:
    """That track with frames of another plate; None where it is too short for them, and where both plates are one."""
    hardness, count, places = _choices(number)
    other = renderer.render(CONFIDENCE_SEED, 2 * number + 1, FRAMES, hardness)
    strange = as_sample(other, range(count), renderer.plate_format)
    if count <= len(places) or torch.equal(sample.classes, strange.classes):
        return None
    frames = sample.frames.clone()
    frames[places] = strange.frames[places]
    return sample._replace(frames=frames)


def _choices(number: int) -> tuple[float, int, list[int]]:
    """Hardness, number of frames, and which of them are of another plate where some are."""
    rng = np.random.default_rng((CONFIDENCE_SEED, number, _CHOICE))
    count = int(rng.integers(1, FRAMES)) if rng.random() < _FEWER else FRAMES
    places = rng.permutation(count)[: int(rng.integers(1, _MOST_STRANGE + 1))]
    return float(rng.uniform(_MILDEST, 1)), count, places.tolist()


def _read(network: IqStan, sample: TrackSample) -> _Found:
    device = next(network.parameters()).device
    with torch.inference_mode():
        output = network(sample.frames.to(device).float() / 255, sample.present.to(device), compare=True)
        certain, classes = torch.softmax(output.logits.double(), dim=2).max(2)
    assert output.likeness is not None  # was asked for
    readings = [log_odds(probability) for probability in certain.prod(1).tolist()]
    agreements = [log(max(least, LEAST)) for least in output.likeness.flatten(1).amin(1).tolist()]
    return _Found(np.array(readings), np.array(agreements), (classes.cpu() == sample.classes).all(1).numpy())
