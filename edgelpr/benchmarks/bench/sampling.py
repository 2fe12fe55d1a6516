"""Taking samples: the clock is read right before and right after a call, and nothing else stands in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgelpr.benchmarks.bench.clock import Clock, check_forwards
from edgelpr.errors import EdgelprError

Progress = Callable[[float], None]
"""Told which share of a scenario is done, between samples."""

_TELL_EVERY = 200_000_000


@dataclass(frozen=True)
class Limit:
    """When enough samples were taken."""

    seconds: float
    """Long enough, if there are ``least`` samples."""

    least: int = 1
    """Samples."""

    bound: float = float("inf")
    """Seconds after which fewer than ``least`` have to do."""

    most: int | None = None
    """Samples that are enough at any time."""

    def share(self, count: int, nanoseconds: int) -> float:
        """How much is done, 0 to 1; 1 is the end."""
        seconds = nanoseconds / 1e9
        if seconds >= self.bound or (self.most is not None and count >= self.most):
            return 1.0
        by_most = 0.0 if self.most is None else count / self.most
        return max(by_most, seconds / self.bound, min(seconds / self.seconds, count / self.least, 1.0))


@dataclass
class Taken:
    """What came of it; complete unless ``interrupted`` or with an ``error``."""

    samples: list[int] = field(default_factory=list)
    """Nanoseconds, in the order taken."""

    seconds: float = 0.0
    """From the first sample to the end of the last."""

    interrupted: bool = False
    """Whether Ctrl-C ended it."""

    error: EdgelprError | None = None
    """What ended it."""


def take(
    call: Callable[[Any], object],
    items: Sequence[Any],
    clock: Clock,
    limit: Limit,
    progress: Progress | None = None,
) -> Taken:
    """Time calls one after the other; the next begins when the last has returned. No sample is dropped.

    Args:
        call: what is timed.
        items: what it is called with, in rotation.
        clock: what times are read from.
        limit: when it ends.
        progress: told a few times a second.
    """
    taken = Taken()
    try:
        fill(taken, call, items, clock, limit, progress)
    except KeyboardInterrupt:
        taken.interrupted = True
    except EdgelprError as error:
        taken.error = error
    return taken


def fill(
    taken: Taken,
    call: Callable[[Any], object],
    items: Sequence[Any],
    clock: Clock,
    limit: Limit,
    progress: Progress | None = None,
    first: int = 0,
) -> None:
    """The same into samples of the caller's; what ends it early is let through.

    Args:
        taken: keeps what there is when something is raised.
        call: as ``take`` has it, and so are the others.
        items: in rotation.
        clock: what times are read from.
        limit: when it ends.
        progress: told a few times a second.
        first: the item to begin with, counted on in the rotation.
    """
    ticks, samples, count = clock.ticks, taken.samples, 0
    begin = told = end = ticks()
    while (share := limit.share(count, end - begin)) < 1:
        item = items[(first + count) % len(items)]
        start = ticks()
        call(item)
        end = ticks()
        if end < start:
            check_forwards(start, end)
        samples.append(end - start)
        count += 1
        taken.seconds = (end - begin) / 1e9
        if progress is not None and end - told > _TELL_EVERY:
            told = end
            progress(share)
