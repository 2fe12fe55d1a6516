"""The clocks that times are read from, so that tests need not wait."""

from __future__ import annotations

import time
from typing import Protocol

from edgelpr.errors import DataError


class Clock(Protocol):
    """Three clocks; that they run alike tells that none of them jumped."""

    def ticks(self) -> int:
        """Nanoseconds of the clock that samples are taken with; it never goes back, and on Linux it
        stands still while the machine sleeps."""

    def wall(self) -> int:
        """Nanoseconds of the time of day, which people and time servers set."""

    def boot(self) -> int | None:
        """Nanoseconds since the start, sleep included; None where the system has no such clock."""


class SystemClock:
    """This machine's."""

    ticks = staticmethod(time.perf_counter_ns)
    wall = staticmethod(time.time_ns)

    def boot(self) -> int | None:
        """CLOCK_BOOTTIME, which Linux has."""
        kind = getattr(time, "CLOCK_BOOTTIME", None)
        return None if kind is None else time.clock_gettime_ns(kind)


def check_forwards(before: int, after: int) -> None:
    """Refuse a clock that went back.

    Args:
        before: nanoseconds.
        after: read later.

    Raises:
        DataError: it went back, so that no time taken with it can be trusted.
    """
    if after < before:
        raise DataError(
            f"the clock went back by {(before - after) / 1e6:.3f} ms between two readings; no time of this run can be trusted. "
            "Measure again, on a machine whose clock source is steady (see clocksource in the kernel's log)"
        )
