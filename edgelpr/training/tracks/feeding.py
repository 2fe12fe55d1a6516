"""Feeding tracks to the loop, in the order of their numbers, from any step on."""

from __future__ import annotations

from collections.abc import Iterator

from edgelpr.training.distributed import Group
from edgelpr.training.feeding import Share, feed
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.samples import TrackSample, TrackSamples


def batches(samples: TrackSamples, config: TrackConfig, group: Group, first: int, workers: int) -> Iterator[TrackSample]:
    """This process's tracks of each step, from a step on; workers do not change what they hold.

    Args:
        samples: of the run.
        config: of the run.
        group: this process among its fellows.
        first: first step, counted from 0.
        workers: processes that prepare samples; 0 prepares them in this one.

    Raises:
        EdgelprError: a sample cannot be prepared, in the words of whoever found out.
    """
    share = Share(config.batch, range(first, config.steps), group)
    return feed(samples, share.part, share, workers, group)
