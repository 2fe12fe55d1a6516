"""All that edgelpr asks of CUDA, behind which either Python package for the driver stands.

Addresses, streams, events and graphs are plain integers, as TensorRT takes them. Sizes are in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgelpr.cuda.facts import DeviceFacts
from edgelpr.types import CudaBindings


@dataclass(frozen=True, eq=False)
class Pinned:
    """Page-locked host memory: the GPU copies from and to it without the CPU's help.

    It belongs to the device that allocated it until ``free_pinned``. After that the array points at memory that is gone,
    and touching it may end the process: whoever frees it drops every view of it first.
    """

    address: int
    """Of its first byte, for the host and for copies."""
    device_address: int | None
    """Of the same byte for kernels on the device, where the memory is mapped; else None."""
    array: NDArray[np.uint8]
    """(size,), a view on the memory, not a copy."""


class CudaDevice(Protocol):
    """The primary context of one GPU, which other CUDA libraries in the process share.

    Whatever is created here is destroyed here, by whoever created it, before ``close``. The context must be current in the
    calling thread (``activate``); opening makes it current in the thread that opens. A handle serves several threads, one
    stream in one thread at a time.

    Every method but ``close`` raises DeviceError when the driver refuses, after ``close``, and in a process that was forked
    from the one that opened the device: CUDA does not survive a fork.
    """

    @property
    def facts(self) -> DeviceFacts:
        """Name, compute capability and memory."""

    @property
    def bindings(self) -> CudaBindings:
        """The Python package in use."""

    @property
    def has_graphs(self) -> bool:
        """Whether ``begin_capture`` and what belongs to it work."""

    def activate(self) -> None:
        """Make the context current in the calling thread; once a thread is enough, unless other code makes another current."""

    def memory(self) -> tuple[int, int]:
        """Free and total memory of the device; on an integrated GPU, of the machine."""

    def allocate(self, size: int) -> int:
        """Device memory of ``size`` bytes, at least 1, aligned to 256; its contents are undefined.

        Raises:
            DeviceError: out of memory; the message says how much is free.
        """

    def free(self, address: int) -> None:
        """Give device memory back; work that uses it must have finished."""

    def allocate_pinned(self, size: int, mapped: bool = False) -> Pinned:
        """Page-locked host memory of ``size`` bytes, at least 1; its contents are undefined.

        Args:
            size: in bytes.
            mapped: also give it an address on the device, so that kernels read and write it where it is.
        """

    def free_pinned(self, pinned: Pinned) -> None:
        """Give page-locked memory back; work that uses it must have finished, and no view of it may be used again."""

    def create_stream(self) -> int:
        """A queue of work that runs in order, and independently of every other, the default stream included."""

    def destroy_stream(self, stream: int) -> None:
        """Give a stream back; it must have been synchronised."""

    def copy_in(self, target: int, source: int, size: int, stream: int) -> None:
        """Queue a copy from page-locked host memory to the device; the host memory must not change until it has run."""

    def copy_out(self, target: int, source: int, size: int, stream: int) -> None:
        """Queue a copy from the device to page-locked host memory, which holds the bytes once the stream is synchronised."""

    def synchronise(self, stream: int) -> None:
        """Wait until all work of a stream has run.

        Raises:
            DeviceError: also when that work failed; the context is then lost, and the process must start afresh.
        """

    def create_event(self) -> int:
        """A point in a stream's work that others wait for, with its time."""

    def destroy_event(self, event: int) -> None:
        """Give an event back."""

    def record(self, event: int, stream: int) -> None:
        """Put the event behind all work that is in the stream now."""

    def wait(self, stream: int, event: int) -> None:
        """Hold the stream's later work until the event's last ``record`` is reached; the host does not wait."""

    def elapsed_ms(self, start: int, end: int) -> float:
        """Milliseconds between two recorded events, to about half a microsecond; waits until ``end`` is reached."""

    def begin_capture(self, stream: int) -> None:
        """Record what the calling thread queues in the stream, in place of running it.

        Until ``end_capture``, in the same thread, that thread may neither allocate, free nor synchronise.

        Raises:
            DeviceError: also when ``has_graphs`` is False.
        """

    def end_capture(self, stream: int) -> int:
        """What was recorded, as a graph to launch. It holds addresses, not contents: what they name must outlive it."""

    def launch(self, graph: int, stream: int) -> None:
        """Queue a graph as one piece of work."""

    def destroy_graph(self, graph: int) -> None:
        """Give a graph back; its last launch must have finished."""

    def close(self) -> None:
        """Release the primary context, which lives on while others retain it; again, or after a fork, it does nothing."""
