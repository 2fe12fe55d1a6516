"""Streams of the CUDA stand-in: work waits in its queue until somebody synchronises, as late as CUDA may run it.

Two pieces of work in different streams that touch the same bytes, one of them writing, must be ordered by an event; bytes
of the host that queued work will read must not be changed by the host meanwhile.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from doubles.cuda_memory import Block, Span


@dataclass(frozen=True, eq=False)
class Work:
    """A copy, or the execution of a network."""

    label: str
    run: Callable[[], None]
    reads: tuple[Span, ...] = ()
    writes: tuple[Span, ...] = ()
    digests: tuple[int | None, ...] = ()
    """Of each of ``reads`` when it was queued; None: not on the host, or about to be written by work before it."""

    def conflicts(self, other: Work) -> bool:
        """Whether the result depends on which of the two runs first."""
        pairs = [(self.writes, other.reads), (self.writes, other.writes), (self.reads, other.writes)]
        return any(mine.overlaps(theirs) for ours, others in pairs for mine in ours for theirs in others)

    def execute(self) -> None:
        """Run it, once it is sure that the host kept its hands off what is read."""
        for span, digest in zip(self.reads, self.digests):
            assert digest is None or zlib.crc32(span.bytes) == digest, (
                f"{span.block} was changed before the {self.label} that reads it had run; a synchronise is missing"
            )
        self.run()


@dataclass(eq=False)
class Event:
    """A point in a stream."""

    handle: int
    serial: int = 0
    """How often it was recorded."""
    stream: Stream | None = None
    """Where it was recorded last."""
    reached: int = 0
    """Number of the last record that was reached."""
    time: float = 0.0
    """When, in milliseconds of the stand-in's clock."""


@dataclass(frozen=True)
class Record:
    """In a queue: an event is reached here."""

    event: Event
    serial: int


@dataclass(frozen=True)
class Wait:
    """In a queue: nothing behind runs before the record is reached."""

    record: Record
    stream: Stream


@dataclass(eq=False)
class Stream:
    """A queue, and what is captured when it is not to run."""

    handle: int
    queue: deque[Work | Record | Wait] = field(default_factory=deque)
    captured: list[Work] | None = None
    """While a graph is captured."""
    capturer: int | None = None
    """Identity of the thread that captures."""


class Clock:
    """Milliseconds: one for each piece of work."""

    now = 0.0


def push(stream: Stream, work: Work, streams: Iterable[Stream]) -> None:
    """Put work into a stream's queue.

    Raises:
        AssertionError: other streams hold work that it races with.
    """
    for other in streams:
        if other is not stream:
            for place, item in enumerate(other.queue):
                racing = isinstance(item, Work) and item.conflicts(work) and not _waits(stream, other, place)
                assert not racing, f"race: the {work.label} in one stream and the {item.label} in another, no event between"
    earlier = [item for one in streams for item in one.queue if isinstance(item, Work)]
    digests = tuple(_digest(span, earlier) for span in work.reads)
    stream.queue.append(replace(work, digests=digests))


def drain(stream: Stream, clock: Clock, until: Record | None = None) -> None:
    """Run a stream's work, all of it or up to a record, and what it waits for in other streams."""
    while stream.queue and (until is None or until.event.reached < until.serial):
        item = stream.queue.popleft()
        if isinstance(item, Work):
            clock.now += 1.0
            item.execute()
        elif isinstance(item, Record):
            item.event.reached, item.event.time = item.serial, clock.now
        else:
            drain(item.stream, clock, item.record)


def users(block: Block, streams: Iterable[Stream]) -> list[str]:
    """Labels of the queued work that touches a block."""
    queued = [item for stream in streams for item in stream.queue if isinstance(item, Work)]
    return [work.label for work in queued if any(span.block is block for span in (*work.reads, *work.writes))]


def _waits(stream: Stream, other: Stream, place: int) -> bool:
    """Whether a stream waits for something behind a place in another's queue."""
    behind = {item for item in list(other.queue)[place:] if isinstance(item, Record)}
    return any(isinstance(item, Wait) and item.record in behind for item in stream.queue)


def _digest(span: Span, earlier: Iterable[Work]) -> int | None:
    if span.block.host is None or any(span.overlaps(written) for work in earlier for written in work.writes):
        return None
    return zlib.crc32(span.bytes)
