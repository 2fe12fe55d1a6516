"""Feeding samples to the loop, in the order of their numbers, from any step on."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from multiprocessing.context import BaseContext
from typing import TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from edgelpr.errors import EdgelprError, TrainingError
from edgelpr.training.config import TrainingConfig
from edgelpr.training.distributed import Group
from edgelpr.training.samples import Sample, TrainingSamples

_Fed = TypeVar("_Fed")

_FEWEST = 2  # of a single one, batch normalisation has no deviation


class Share(Sampler[int]):
    """Numbers of this process's samples. Step s is made up of the numbers from s * batch on, whoever works on them.

    Args:
        batch: samples of a step, over all processes; see ``check_shares``.
        steps: the first step, counted from 0, to the one after the last.
        group: this process among its fellows.
        accumulate: parts that each process works its share of a step through in.
    """

    def __init__(self, batch: int, steps: range, group: Group, accumulate: int = 1) -> None:
        self._numbers, self._group = range(steps.start * batch, steps.stop * batch), group
        self.part = batch // (accumulate * group.size)
        """Samples in a part of a step."""

    def __iter__(self) -> Iterator[int]:
        for start in self._numbers[:: self.part * self._group.size]:
            ours = start + self._group.rank * self.part
            yield from range(ours, ours + self.part)

    def __len__(self) -> int:
        return len(self._numbers) // self._group.size


def check_shares(batch: int, group: Group, accumulate: int = 1, what: str = "crops") -> None:
    """Every process gets as many samples of a step as the others.

    Args:
        batch: samples of a step, over all processes.
        group: of the processes.
        accumulate: parts that each process works its share of a step through in.
        what: the samples.

    Raises:
        TrainingError: they cannot be shared evenly, or a part is too small.
    """
    parts = accumulate * group.size
    if batch % parts or batch < _FEWEST * parts:
        found = f"{group.size} processes" + (f", {accumulate} parts each" if accumulate > 1 else "")
        raise TrainingError(
            f"batch is {batch}; expected a multiple of {parts} ({found}), and {_FEWEST} {what} or more in a part"
        )


def batches(
    samples: TrainingSamples, config: TrainingConfig, group: Group, first: int, workers: int
) -> Iterator[tuple[Sample, ...]]:
    """This process's crops of each step, in as many parts as are worked through; workers do not change what they hold.

    Args:
        samples: of the run.
        config: of the run.
        group: this process among its fellows.
        first: first step, counted from 0.
        workers: processes that prepare samples; 0 prepares them in this one.

    Raises:
        EdgelprError: a sample cannot be prepared, in the words of whoever found out.
    """
    share = Share(config.batch, range(first, config.steps), group, config.accumulate)
    parts = feed(samples, share.part, share, workers, group)
    for _ in range(first, config.steps):
        yield tuple(next(parts) for _ in range(config.accumulate))


def feed(
    samples: Dataset[_Fed],
    together: int,
    order: Iterable[int],
    workers: int,
    group: Group = Group(),  # noqa: B008 - frozen
) -> Iterator[_Fed]:
    """Samples by number, in an order; workers do not change what they hold.

    Args:
        samples: by number.
        together: how many make one batch.
        order: their numbers.
        workers: processes that prepare samples; 0 prepares them in this one.
        group: this process among its fellows.

    Raises:
        EdgelprError: a sample cannot be prepared, in the words of whoever found out.
    """
    loader: DataLoader[_Fed] = DataLoader(
        samples,
        together,
        sampler=order,
        num_workers=workers,
        worker_init_fn=_quiet,
        multiprocessing_context=_apart_from_threads() if workers and group.size > 1 else None,
    )
    threads = cv2.getNumThreads()
    # OpenCV's threads end here and start again when needed: a fork would copy their locks without them, and hang.
    cv2.setNumThreads(1)
    try:
        fed = iter(loader)
    finally:
        cv2.setNumThreads(threads)
    try:
        yield from fed
    except EdgelprError as error:
        # A worker's error arrives with its traceback as text; the message stands at the end.
        raise type(error)(str(error).rsplit(f"{type(error).__name__}: ", 1)[-1].strip()) from error


def _apart_from_threads() -> BaseContext:
    """Workers of a process that has joined others fork from a server without threads.

    The threads by which processes talk take Python's locks whenever they like: a fork at that moment copies a lock that nobody
    gives back, and the worker hangs before its first line.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])  # once, so that each worker starts as fast as a fork
    return context


def _quiet(_worker: int) -> None:
    # One thread a worker: the workers themselves are the parallelism.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
