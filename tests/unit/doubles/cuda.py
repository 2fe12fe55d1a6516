"""A stand-in for a CUDA device that is stricter than CUDA: a mistake which a GPU might let pass is an AssertionError here.

What a driver reports to its user is a DeviceError as with the real ones: out of memory, closed, forked, no graphs.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np

from doubles.cuda_memory import Memory, Span
from doubles.cuda_streams import Clock, Event, Record, Stream, Wait, Work, drain, push, users
from edgelpr.cuda.facts import DeviceFacts
from edgelpr.cuda.interface import Pinned
from edgelpr.cuda.lifetime import Lifetime
from edgelpr.errors import DeviceError
from edgelpr.types import CudaBindings

CREATING = ("allocate", "allocate_pinned", "create_stream", "create_event", "end_capture")
"""Names in ``FakeCuda.counts`` of what has to be freed again."""

_current = threading.local()


def _call(captured: bool = False, failing: bool = True):
    """A call of the driver: counted, and refused where the driver would, or where it might go unnoticed."""

    def decorate(method):
        @wraps(method)
        def call(self, *arguments, **options):
            self._lifetime.check()
            assert self.is_current, "no context is current in this thread; activate() is missing"
            with self._lock:
                assert captured or not self._capturing(), f"{method.__name__} while this thread captures a graph"
                self.counts[method.__name__] += 1
                if failing:
                    self._fail_when_due()
                return method(self, *arguments, **options)

        return call

    return decorate


class FakeCuda:
    """One GPU; its context is current in the thread that makes it.

    Args:
        total_bytes: of device memory; allocating more is out of memory.
        integrated: whether page-locked memory is taken from the same memory.
        has_graphs: whether it captures; False is what pycuda offers.
        name: of the device.
        compute_capability: of the device.
        index: of the device.
        driver_version: 12060 is CUDA 12.6.
        multiprocessors: of the device.
    """

    def __init__(
        self,
        total_bytes: int = 1 << 30,
        integrated: bool = False,
        has_graphs: bool = True,
        name: str = "Orin (nvgpu)",
        compute_capability: tuple[int, int] = (8, 7),
        index: int = 0,
        driver_version: int = 12060,
        multiprocessors: int = 8,
    ) -> None:
        facts = (index, name, compute_capability, total_bytes, integrated, driver_version, multiprocessors)
        self._facts = DeviceFacts(*facts)
        self._has_graphs = has_graphs
        self._memory = Memory(total_bytes, integrated)
        self._streams: dict[int, Stream] = {}
        self._events: dict[int, Event] = {}
        self._graphs: dict[int, list[Work]] = {}
        self._handles = itertools.count(0x1000, 0x10)
        self._lifetime, self._lock, self._clock = Lifetime("the CUDA device 0"), threading.RLock(), Clock()
        self._running, self._due = False, 0
        self.counts: Counter[str] = Counter()
        """Calls so far by the method's name; ``fake.counts - before`` says what was called since a copy was taken."""
        self.closed = False
        """Whether the context was released."""
        _current.device = self

    @property
    def facts(self) -> DeviceFacts:
        return self._facts

    @property
    def bindings(self) -> CudaBindings:
        return "cuda-bindings" if self._has_graphs else "pycuda"

    @property
    def has_graphs(self) -> bool:
        return self._has_graphs

    def activate(self) -> None:
        self._lifetime.check()
        _current.device = self

    @_call(captured=True)
    def memory(self) -> tuple[int, int]:
        return self._memory.free, self._memory.total

    # Memory

    @_call()
    def allocate(self, size: int) -> int:
        assert size > 0, f"{size} bytes of device memory"
        return self._memory.allocate(size).address

    @_call(failing=False)
    def free(self, address: int) -> None:
        self._release(address, "device")

    @_call()
    def allocate_pinned(self, size: int, mapped: bool = False) -> Pinned:
        assert size > 0, f"{size} bytes of page-locked memory"
        block = self._memory.allocate_pinned(size, mapped)
        return Pinned(block.address, block.device, block.buffer)

    @_call(failing=False)
    def free_pinned(self, pinned: Pinned) -> None:
        self._release(pinned.address, "pinned")

    def _release(self, address: int, kind: str) -> None:
        block = self._memory.block(address, kind)
        waiting = users(block, self._streams.values())
        assert not waiting, f"{block} is freed before {', '.join(waiting)} has run; a synchronise is missing"
        self._memory.release(block)

    # Streams

    @_call()
    def create_stream(self) -> int:
        handle = next(self._handles)
        self._streams[handle] = Stream(handle)
        return handle

    @_call(failing=False)
    def destroy_stream(self, stream: int) -> None:
        found = self._stream(stream)
        assert found.captured is None, "a stream is destroyed while it captures"
        assert not found.queue, "a stream is destroyed before its work has run; a synchronise is missing"
        del self._streams[stream]

    @_call(captured=True)
    def copy_in(self, target: int, source: int, size: int, stream: int) -> None:
        self._copy("copy in", self._memory.span(target, size, "device"), self._memory.span(source, size, "host"), stream)

    @_call(captured=True)
    def copy_out(self, target: int, source: int, size: int, stream: int) -> None:
        self._copy("copy out", self._memory.span(target, size, "host"), self._memory.span(source, size, "device"), stream)

    def _copy(self, label: str, target: Span, source: Span, stream: int) -> None:
        def run() -> None:
            target.bytes[:] = source.bytes

        self._queue(stream, Work(label, run, (source,), (target,)))

    @_call()
    def synchronise(self, stream: int) -> None:
        drain(self._stream(stream), self._clock)

    # Events

    @_call()
    def create_event(self) -> int:
        handle = next(self._handles)
        self._events[handle] = Event(handle)
        return handle

    @_call(failing=False)
    def destroy_event(self, event: int) -> None:
        del self._events[self._event(event).handle]

    @_call()
    def record(self, event: int, stream: int) -> None:
        found, into = self._event(event), self._stream(stream)
        found.serial, found.stream = found.serial + 1, into
        into.queue.append(Record(found, found.serial))

    @_call()
    def wait(self, stream: int, event: int) -> None:
        found = self._recorded(event)
        self._stream(stream).queue.append(Wait(Record(found, found.serial), found.stream))

    @_call()
    def elapsed_ms(self, start: int, end: int) -> float:
        first, last = self._recorded(start), self._recorded(end)
        for event in (first, last):
            drain(event.stream, self._clock, Record(event, event.serial))
        return last.time - first.time

    # Graphs

    @_call()
    def begin_capture(self, stream: int) -> None:
        if not self._has_graphs:
            raise DeviceError("this device has no CUDA graphs")
        found = self._stream(stream)
        found.captured, found.capturer = [], threading.get_ident()

    @_call(captured=True, failing=False)
    def end_capture(self, stream: int) -> int:
        found = self._stream(stream)
        assert found.captured is not None, "end of a capture that was not begun"
        assert found.capturer == threading.get_ident(), "a capture is ended in another thread than it was begun in"
        works, found.captured = found.captured, None
        self._fail_when_due()
        handle = next(self._handles)
        self._graphs[handle] = works
        return handle

    @_call()
    def launch(self, graph: int, stream: int) -> None:
        assert graph in self._graphs, f"{graph:#x} is no graph that is alive"
        for work in self._graphs[graph]:
            for span in (*work.reads, *work.writes):
                assert span.block.alive, f"a graph is launched that uses {span.block} after it was freed"
            self._queue(stream, work)

    @_call(failing=False)
    def destroy_graph(self, graph: int) -> None:
        assert graph in self._graphs, f"{graph:#x} is no graph that is alive"
        del self._graphs[graph]

    def close(self) -> None:
        if self._lifetime.end():
            self.closed = True

    # For other stand-ins

    @property
    def is_current(self) -> bool:
        """Whether the context is current in the calling thread."""
        return getattr(_current, "device", None) is self

    def deactivate(self) -> None:
        """Leave the calling thread without a context."""
        _current.device = None

    @_call(captured=True)
    def enqueue(
        self,
        stream: int,
        function: Callable[[], None],
        reads: Sequence[tuple[int, int]] = (),
        writes: Sequence[tuple[int, int]] = (),
        label: str = "execution",
    ) -> None:
        """Queue a function as a kernel would be; it uses ``read`` and ``write``, and a graph may run it many times.

        Args:
            stream: where to.
            function: what to run; it must bind its addresses now, as a kernel binds its arguments.
            reads: device addresses and sizes of what it reads.
            writes: device addresses and sizes of what it writes.
            label: for messages.
        """

        def run() -> None:
            self._running = True
            try:
                function()
            finally:
                self._running = False

        spans = [tuple(self._memory.span(address, size, "device") for address, size in each) for each in (reads, writes)]
        self._queue(stream, Work(label, run, *spans))

    def read(self, address: int, size: int) -> bytes:
        """Bytes that the device sees at one of its addresses; only from a queued function, while it runs."""
        assert self._running, "device memory is read outside a stream"
        return self._memory.span(address, size, "device").bytes.tobytes()

    def write(self, address: int, data: bytes) -> None:
        """Change bytes that the device sees; only from a queued function, while it runs."""
        assert self._running, "device memory is written outside a stream"
        self._memory.span(address, len(data), "device").bytes[:] = np.frombuffer(data, np.uint8)

    def is_capturing(self, stream: int) -> bool:
        """Whether what is queued in a stream is recorded."""
        return self._stream(stream).captured is not None

    # For tests

    def leaks(self) -> tuple[str, ...]:
        """What was created and not given back; works after ``close`` too."""
        handles = [("stream", self._streams), ("event", self._events), ("graph", self._graphs)]
        blocks = tuple(str(block) for block in self._memory.alive)
        return blocks + tuple(f"{kind} {handle:#x}" for kind, alive in handles for handle in alive)

    def created_since(self, before: Counter[str]) -> Counter[str]:
        """What was created after a copy of ``counts`` was taken; nothing, where a program reuses what it has."""
        return Counter({name: count for name, count in (self.counts - before).items() if name in CREATING})

    def fail_in(self, calls: int) -> None:
        """Let the driver refuse once: 1 is the next call that can fail; freeing never does."""
        self._due = calls

    def _fail_when_due(self) -> None:
        self._due -= 1
        if self._due == 0:
            raise DeviceError("the driver refuses this call, as the test asked it to")

    # Helpers

    def _queue(self, stream: int, work: Work) -> None:
        found = self._stream(stream)
        if found.captured is None:
            push(found, work, self._streams.values())
            return
        assert found.capturer == threading.get_ident(), "work is queued in a stream that another thread captures"
        found.captured.append(work)

    def _stream(self, handle: int) -> Stream:
        assert handle in self._streams, f"{handle:#x} is no stream that is alive"
        return self._streams[handle]

    def _event(self, handle: int) -> Event:
        assert handle in self._events, f"{handle:#x} is no event that is alive"
        return self._events[handle]

    def _recorded(self, handle: int) -> Event:
        event = self._event(handle)
        assert event.stream is not None, "an event is waited for that was never recorded"
        return event

    def _capturing(self) -> bool:
        return any(
            stream.capturer == threading.get_ident() and stream.captured is not None for stream in self._streams.values()
        )
