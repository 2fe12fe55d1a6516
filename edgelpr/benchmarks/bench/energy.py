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


class Meter(Protocol):
    """Measures from ``start`` to ``stop``."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> float | None:
        """Joules since ``start``; None where they cannot be told."""


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


class PowerMeter:
    """Power read from a thread of its own, which costs a reading of files ten times a second.

    Args:
        watts: what is drawn now.
        clock: what times are read from.
        close: called at the end of each measurement.
    """

    def __init__(self, watts: Callable[[], float | None], clock: Clock, close: Callable[[], None] = lambda: None) -> None:
        self._watts, self._clock, self._close = watts, clock, close
        self._readings: list[tuple[int, float]] = []
        self._done = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start reading."""
        self._readings, self._done = [], Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> float | None:
        """Stop reading and add up."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        self._read()
        self._close()
        return joules_of(self._readings)

    def _follow(self) -> None:
        self._read()
        while not self._done.wait(_EVERY):
            self._read()

    def _read(self) -> None:
        watts = self._watts()
        if watts is not None:
            self._readings.append((self._clock.ticks(), watts))


def joules_of(readings: Sequence[tuple[int, float]]) -> float | None:
    """Energy between the first reading and the last; None with fewer than two.

    Args:
        readings: nanoseconds and watts, in order; between two the power is taken to change evenly.
    """
    if len(readings) < 2:
        return None
    return sum((after - before) / 1e9 * (power + following) / 2 for (before, power), (after, following) in pairwise(readings))


def find_meter(root: Path, clock: Clock, nvml: Nvml | None, device: str, number: int) -> Meter | None:
    """What can tell the energy of a device: a board's sensors, else the GPU's counter where a GPU computes; None: nothing.

    Args:
        root: of the file system.
        clock: what times are read from.
        nvml: the management library, where it is there.
        device: what computes; a GPU's counter says nothing of the CPU.
        number: of the GPU.
    """
    if board_watts(root) is not None:
        return PowerMeter(lambda: board_watts(root), clock)
    if has_tegrastats():
        return _TegrastatsMeter(clock)
    if nvml is not None and device != "CPU" and nvml.joules(number) is not None:
        return CounterMeter(lambda: nvml.joules(number))
    return None


class _TegrastatsMeter:
    """Runs the tool while it measures, and not otherwise."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._meter: PowerMeter | None = None

    def start(self) -> None:
        tool = Tegrastats()
        self._meter = PowerMeter(tool.watts, self._clock, tool.close)
        self._meter.start()

    def stop(self) -> float | None:
        meter, self._meter = self._meter, None
        return None if meter is None else meter.stop()
