"""What else the machine did while samples were taken."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgelpr.benchmarks.bench.clock import Clock
from edgelpr.devices.files import read_text

_MOST_OTHERS = 0.1
_MOST_STOLEN = 0.01
_MOST_WAITED = 0.01
_MOST_SWITCHES = 20.0  # only where the time lost to them is not told: a count says little about harm
_LEAST_SEEN = 0.5
_MOST_ASLEEP = 0.01
_LEAST_JUMP, _MOST_DRIFT = 0.05, 0.002
_LEAST_SECONDS = 0.5
_BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq of /proc/stat; guests are part of user
_STEAL = 7


@dataclass(frozen=True)
class Scheduled:
    """How a thread, or a process, fared since it began. In seconds."""

    ran: float
    """On a processor."""

    waited: float
    """Ready to run, and without one."""

    def since(self, earlier: Scheduled | None) -> Scheduled:
        """What came after; all of it where the earlier one is None, or is of another thread that had the same number."""
        if earlier is None or earlier.ran > self.ran or earlier.waited > self.waited:
            return self
        return Scheduled(self.ran - earlier.ran, self.waited - earlier.waited)


@dataclass(frozen=True)
class Moment:
    """What is counted, at one moment; None where the system does not tell. Times in seconds."""

    ticks: float
    """Of the clock that samples are taken with."""

    wall: float
    """Time of day."""

    boot: float | None
    """Since the start of the machine, sleep included."""

    busy: float | None
    """Processor time of everything on this machine."""

    stolen: float | None
    """Processor time that a virtual machine wanted and did not get."""

    own: float | None
    """Processor time of this process and those it started and waited for."""

    switches: int | None
    """How often this process was put aside although it wanted to go on."""

    threads: Mapping[int, Scheduled] | None = None
    """Of this process, by their numbers, those that live: the kernel forgets the others."""

    def with_children(self, children: Iterable[Scheduled]) -> Moment:
        """The same moment, processes that ran since the one before among its threads.

        Args:
            children: as they told before they ended.
        """
        numbered = {-number: child for number, child in enumerate(children, 1)}  # threads have numbers above 0
        return replace(self, threads={**(self.threads or {}), **numbered}) if numbered else self


def look(clock: Clock, root: Path) -> Moment:
    """This moment.

    Args:
        clock: what times are read from.
        root: of the file system.
    """
    boot = clock.boot()
    busy, stolen = _processor(root)
    own, switches = _usage()
    since = None if boot is None else boot / 1e9
    return Moment(clock.ticks() / 1e9, clock.wall() / 1e9, since, busy, stolen, own, switches, own_threads(root))


def own_threads(root: Path) -> dict[int, Scheduled] | None:
    """Threads of this process by the scheduler's count; None where the kernel keeps none.

    Args:
        root: of the file system.
    """
    found: dict[int, Scheduled] = {}
    for path in (root / "proc/self/task").glob("*/schedstat"):
        count = (read_text(path) or "").split()
        if len(count) > 1 and all(each.isdecimal() for each in (path.parent.name, *count[:2])):  # else it ended meanwhile
            found[int(path.parent.name)] = Scheduled(int(count[0]) / 1e9, int(count[1]) / 1e9)
    return found if any(thread.ran for thread in found.values()) else None


def disturbances_between(before: Moment, after: Moment) -> tuple[str, ...]:
    """What happened that makes times of these moments less trustworthy, a sentence each.

    Args:
        before: right before the first sample.
        after: right after the last.
    """
    seconds = after.ticks - before.ticks
    return (*_clocks(before, after, seconds), *_processors(before, after, seconds))


def throttling(before: Sequence[int | None], after: Sequence[int | None]) -> tuple[str, ...]:
    """Clocks of GPUs that fell by more than a tenth.

    Args:
        before: MHz, one a GPU.
        after: the same GPUs.
    """
    pairs = [(old, new) for old, new in zip(before, after) if old and new]
    return tuple(f"the GPU clock fell from {old} to {new} MHz: it may be too hot" for old, new in pairs if new < 0.9 * old)


def _clocks(before: Moment, after: Moment, seconds: float) -> list[str]:
    found = []
    jump = after.wall - before.wall - seconds
    asleep = 0.0 if before.boot is None or after.boot is None else after.boot - before.boot - seconds
    if asleep > _MOST_ASLEEP:
        found.append(f"the machine was asleep for {asleep:.1f} s")
    elif abs(jump) > max(_LEAST_JUMP, _MOST_DRIFT * seconds):
        way = "forwards" if jump > 0 else "backwards"
        found.append(f"the time of day jumped {way} by {abs(jump):.2f} s; samples are taken with another clock")
    return found


def _processors(before: Moment, after: Moment, seconds: float) -> list[str]:
    if seconds < _LEAST_SECONDS:  # what the kernel counts in hundredths of a second says nothing of less
        return []
    found = []
    busy, own = _passed(before.busy, after.busy), _passed(before.own, after.own)
    if busy is not None and own is not None and (busy - own) / seconds > _MOST_OTHERS:
        found.append(f"other processes took {(busy - own) / seconds:.2f} processors on average: stop them and measure again")
    stolen = _passed(before.stolen, after.stolen)
    if stolen is not None and stolen / seconds > _MOST_STOLEN:
        found.append(f"the hypervisor took {stolen / seconds:.1%} of a processor away (steal time): other machines share it")
    found += _put_aside(before, after, seconds)
    return found


def _put_aside(before: Moment, after: Moment, seconds: float) -> list[str]:
    share = _share_lost(before, after)
    if share is not None:
        words = f"of the time that this process could have run, {share:.1%} went by without a processor: others wanted it"
        return [words] if share > _MOST_WAITED else []
    switches = _passed(before.switches, after.switches)
    if switches is not None and switches / seconds > _MOST_SWITCHES:
        return [f"this process was put aside {switches / seconds:.0f} times a second: others wanted its processor"]
    return []


def _share_lost(before: Moment, after: Moment) -> float | None:
    """Of the time in which threads could have run; of those alone that can still be asked. None where they are too few."""
    if before.threads is None or after.threads is None:
        return None
    passed = [thread.since(before.threads.get(number)) for number, thread in after.threads.items()]
    ran, waited = sum(each.ran for each in passed), sum(each.waited for each in passed)
    own = _passed(before.own, after.own)
    if ran + waited <= 0 or (own is not None and ran < _LEAST_SEEN * own):  # threads that have ended did most of the work
        return None
    return waited / (ran + waited)


def _passed(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _processor(root: Path) -> tuple[float | None, float | None]:
    """Busy and stolen seconds by ``/proc/stat``; None where it is absent, or holds nothing, as in some containers."""
    first = (read_text(root / "proc/stat") or "").split("\n", 1)[0].split()
    try:
        values = [int(value) for value in first[1:]]
        hertz = os.sysconf("SC_CLK_TCK")
    except (ValueError, OSError, AttributeError):
        return None, None
    if first[:1] != ["cpu"] or len(values) <= _STEAL or not any(values):
        return None, None
    return sum(values[place] for place in _BUSY) / hertz, values[_STEAL] / hertz


def _usage() -> tuple[float | None, int | None]:
    try:
        import resource  # Unix only
    except ImportError:
        return None, None
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum((each.ru_utime + each.ru_stime for each in (own, children)), 0.0), own.ru_nivcsw
