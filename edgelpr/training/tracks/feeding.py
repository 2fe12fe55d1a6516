"""Feeding tracks to the loop, in the order of their numbers, from any step on."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import torch
from torch.utils.data import DataLoader

from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.samples import TrackSample, TrackSamples


def batches(samples: TrackSamples, config: TrackConfig, first: int, workers: int) -> Iterator[TrackSample]:
    """Batches in the order of their numbers, from a step on; workers do not change what they hold."""
    numbers = range(first * config.batch, config.steps * config.batch)
    loader: DataLoader[TrackSample] = DataLoader(
        samples, config.batch, sampler=numbers, num_workers=workers, worker_init_fn=_quiet
    )
    threads = cv2.getNumThreads()
    # OpenCV's threads end here and start again when needed: a fork would copy their locks without them, and hang.
    cv2.setNumThreads(1)
    try:
        batches = iter(loader)
    finally:
        cv2.setNumThreads(threads)
    yield from batches


def _quiet(_worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
