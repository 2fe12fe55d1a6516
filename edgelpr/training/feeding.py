"""Feeding samples to the loop, in the order of their numbers, from any number on."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import torch
from torch.utils.data import DataLoader, Sampler

from edgelpr.training.samples import Sample, TrainingSamples


class _Onwards(Sampler[int]):
    def __init__(self, start: int, end: int) -> None:
        self._numbers = range(start, end)

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def batches(samples: TrainingSamples, batch: int, first: int, workers: int) -> DataLoader[Sample]:
    """Batches of samples from number ``first`` on; the number of workers does not change what they hold."""
    return DataLoader(samples, batch, sampler=_Onwards(first, len(samples)), num_workers=workers, worker_init_fn=_quiet)


def _quiet(_worker: int) -> None:
    # One thread a worker: the workers themselves are the parallelism.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
