"""Energy while samples are taken: of a GPU by its counter, of a board by its power, read ten times a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

from edgelpr.benchmarks.bench.clock import Clock
from edgelpr.benchmarks.bench.nvml import Nvml
from edgelpr.benchmarks.bench.rails import board_watts
from edgelpr.benchmarks.bench.tegrastats import Tegrastats, has_tegrastats

_EVERY = 0.1
_LEAST_COVERED = 0.5


class Meter(Protocol):
    """Measures from ``start`` to ``stop``. What it needs time for was done when it was opened."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> float | None:
        """Joules since ``start``; None where they cannot be told."""

    def close(self) -> None:
        """End what runs for it; calling it again does nothing."""


class CounterMeter:
    """A device that counts its energy itself.

    Args:
        joules: what it has counted so far.
    """

    def __init__(self, joules: Callable[[], float | None]) -> None:
        self._joules = joules
        self._before: float | None = None

    def start(self) -> None:
        """Read the counter."""
        self._before = self._joules()

    def stop(self) -> float | None:
        """Read it again."""
        after = self._joules()
        return None if self._before is None or after is None or after < self._before else after - self._before

    def close(self) -> None:
        """Nothing runs."""


class PowerMeter:
    """Power read from a thread of its own, which costs a reading of files ten times a second.

    Args:
        watts: what is drawn now; None: the sensor does not tell at this moment.
        clock: what times are read from.
        end: called when it is closed.
    """

    def __init__(self, watts: Callable[[], float | None], clock: Clock, end: Callable[[], None] = lambda: None) -> None:
        self._watts, self._clock, self._end = watts, clock, end
        self._readings: list[tuple[int, float]] = []
        self._begin = 0
        self._done = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Read, and go on reading."""
        self._readings, self._done = [], Event()
        self._read()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()
        self._begin = self._clock.ticks()  # last: what it takes to begin is not part of the span

    def stop(self) -> float | None:
        """Stop reading and add up."""
        end = self._clock.ticks()  # first: waiting for the thread is not part of the span
        self._finish()
        self._read()
        return joules_of(self._readings, self._begin, end)

    def close(self) -> None:
        """Stop reading."""
        self._finish()
        self._end()

    def _finish(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._done.set()
            thread.join()

    def _follow(self) -> None:
        while not self._done.wait(_EVERY):
            self._read()

    def _read(self) -> None:
        watts = self._watts()
        if watts is not None:
            self._readings.append((self._clock.ticks(), watts))


def joules_of(readings: Sequence[tuple[int, float]], begin: int, end: int) -> float | None:
    """Energy of a span by readings around it: their mean power, over all of the span, so that a sensor which begins late or
    ends early does not make it cheaper than it was. None where they cover less than half of it.

    Args:
        readings: nanoseconds and watts, in order; between two the power is taken to change evenly.
        begin: of the span, nanoseconds.
        end: of the span.
    """
    covered = readings[-1][0] - readings[0][0] if readings else 0
    if covered <= 0 or covered < _LEAST_COVERED * (end - begin):
        return None
    joules = sum((after - before) / 1e9 * (power + following) / 2 for (before, power), (after, following) in pairwise(readings))
    return joules * (end - begin) / covered


def open_meter(root: Path, clock: Clock, nvml: Nvml | None, gpu: int | None) -> Meter | None:
    """What can tell the energy of a device: a board's sensors, else the GPU's counter where a GPU computes; None: nothing.

    Close what is returned. It may take a moment: the board's tool has to start before it tells anything.

    Args:
        root: of the file system.
        clock: what times are read from.
        nvml: the management library, where it is there.
        gpu: which of the library's GPUs computes; None: none of them does, and their counters say nothing of the CPU.
    """
    if board_watts(root) is not None:
        return PowerMeter(lambda: board_watts(root), clock)
    if has_tegrastats():
        return _by_tool(clock)
    if nvml is not None and gpu is not None and nvml.joules(gpu) is not None:
        return CounterMeter(lambda: nvml.joules(gpu))
    return None


def _by_tool(clock: Clock) -> Meter:
    tool = Tegrastats()
    try:
        tool.await_first()
    except BaseException:  # Ctrl-C, most of all: nobody else knows of it yet
        tool.close()
        raise
    return PowerMeter(tool.watts, clock, tool.close)
