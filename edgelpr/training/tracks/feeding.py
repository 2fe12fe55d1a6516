"""Feeding tracks to the loop, in the order of their numbers, from any step on."""

from __future__ import annotations

from collections.abc import Iterator

from edgelpr.training.feeding import feed
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.samples import TrackSample, TrackSamples


def batches(samples: TrackSamples, config: TrackConfig, first: int, workers: int) -> Iterator[TrackSample]:
    """Batches in the order of their numbers, from a step on; workers do not change what they hold."""
    return feed(samples, config.batch, range(first * config.batch, config.steps * config.batch), workers)
