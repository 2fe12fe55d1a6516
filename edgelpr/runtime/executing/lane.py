"""A lane: one stream, its buffers and its contexts; one batch at a time runs in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.cuda.interface import CudaDevice
from edgelpr.errors import BackendError, DeviceError
from edgelpr.preprocessing.crop import scale
from edgelpr.runtime.executing.buffers import Buffers
from edgelpr.runtime.executing.context import Context
from edgelpr.runtime.executing.engine import Engine
from edgelpr.runtime.executing.sizes import filled_up
from edgelpr.runtime.executing.timing import medians_of, time_parts


@dataclass(frozen=True)
class _Program:
    """How a lane runs batches of one size."""

    bound: Context
    """With that size and the lane's addresses set."""

    graph: int | None
    """Copying, computing and copying back as one executable graph; None where it could not be captured."""


class Lane:
    """What one batch needs on its way through the GPU, made once and used again; belongs to one thread at a time.

    A CUDA graph holds good for the shape it was captured with, and TensorRT keeps state of the last shape in its context: so
    each size has a context and a graph of its own, made by the first batch of that size. They share the memory that a context
    works in, as only one runs at a time.

    Args:
        device: an open device, active in this thread.
        engine: the engine.
        sizes: of the batches that run, ascending; one between two is filled up to the next.

    Raises:
        DeviceError: out of memory; nothing is left allocated.
    """

    def __init__(self, device: CudaDevice, engine: Engine, sizes: Sequence[int]) -> None:
        self._device, self._engine, self._sizes = device, engine, sizes
        self._contexts: list[Context] = []
        self._programs: dict[int, _Program] = {}
        self.without_graphs: str | None = None if device.has_graphs else f"{device.bindings} has none"
        """Why batches are launched kernel by kernel; None: as graphs, or none was captured yet."""
        with ExitStack() as stack:
            self._stream = device.create_stream()
            stack.callback(device.destroy_stream, self._stream)
            self._buffers = Buffers(device, engine.contract, stack)
            self._scratch = device.allocate(max(1, engine.scratch_bytes))
            stack.callback(device.free, self._scratch)
            self._stack = stack.pop_all()
        self._read = tuple(map(self._buffers.host, engine.contract.inputs))
        self.inputs: tuple[NDArray[np.uint8], ...] = tuple(map(_bytes_for, self._read))
        """As in ``Slot``: written before ``start``, left alone until ``finish``."""

    def start(self, count: int) -> None:
        """Send the first rows of ``inputs`` on their way; does not wait for them.

        Args:
            count: 1 to the engine's largest batch; up to the next size, the last row is repeated and read for nothing.

        Raises:
            BackendError: TensorRT fails.
            DeviceError: CUDA fails.
        """
        self._device.activate()
        padded = filled_up(count, self._sizes)
        for given, read in zip(self.inputs, self._read):
            given[count:padded] = given[count - 1]
            if given is not read:
                read[:padded] = scale(given[:padded], self._engine.graph.channels)
        program = self._programs.get(padded)
        if program is None:
            self._first(padded)
        elif program.graph is None:
            self._enqueue(program.bound, padded)
        else:
            self._device.launch(program.graph, self._stream)

    def finish(self, count: int) -> list[NDArray[Any]]:
        """Wait for the batch; its outputs for the first crops, in the order of ``Graph.outputs``, in memory of their own.

        Raises:
            DeviceError: CUDA fails.
        """
        self.wait()
        return [self._buffers.host(tensor)[:count].copy() for tensor in self._engine.contract.outputs]

    def wait(self) -> None:
        """Wait until nothing runs in this lane.

        Raises:
            DeviceError: CUDA fails.
        """
        self._device.activate()
        self._device.synchronise(self._stream)

    def time_parts(self, count: int) -> dict[str, float]:
        """What the batch in ``inputs`` takes on the GPU, of a size that was run before; see ``timing``.

        Computing is launched as it is in reading, as a graph where it can be captured. In shared memory nothing is copied.

        Raises:
            BackendError: TensorRT fails.
            DeviceError: CUDA fails.
        """
        self._device.activate()
        padded, stream = filled_up(count, self._sizes), self._stream
        program = self._programs[padded]
        with ExitStack() as stack:
            compute = partial(program.bound.enqueue, padded, stream)
            if program.graph is not None:
                graph = self._capture(compute)
                stack.callback(self._device.destroy_graph, graph)
                stack.callback(self._device.synchronise, stream)
                compute = partial(self._device.launch, graph, stream)
                compute()  # the first launch also sends the graph to the GPU
                self._device.synchronise(stream)
            copies = [partial(copy, padded, stream) for copy in (self._buffers.copy_in, self._buffers.copy_out)]
            parts = {"compute": compute}
            if not self._device.facts.integrated:
                parts = {"copy_in": copies[0], "compute": compute, "copy_out": copies[1]}
            return time_parts(self._device, stream, parts)

    def time_layers(self, count: int, passes: int) -> dict[str, float]:
        """Milliseconds of each layer, of the batch in ``inputs``, of a size that was run before; medians.

        Afterwards this lane is of no use any more: its context runs layer by layer.

        Raises:
            BackendError: TensorRT fails.
            DeviceError: CUDA fails.
        """
        self._device.activate()
        padded, listener = filled_up(count, self._sizes), self._engine.create_listener()
        bound = self._programs[padded].bound
        bound.listen(listener)
        for _ in range(passes):
            listener.passes.append({})
            self._enqueue(bound, padded)
            self._device.synchronise(self._stream)
        return medians_of(listener.passes)

    def close(self) -> None:
        """Free contexts and memory, once what a failed batch may have left behind is through. Again: nothing."""
        with suppress(DeviceError):
            self.wait()
        programs, self._programs = self._programs, {}
        self.inputs = self._read = ()  # a view on freed memory must not be used again
        with self._stack:  # runs even where destroying a graph fails
            for program in programs.values():
                if program.graph is not None:
                    self._device.destroy_graph(program.graph)
            for bound in self._contexts:  # before the memory they work in
                bound.close()

    def _first(self, count: int) -> None:
        """The first batch of a size: as it is, since TensorRT may do what cannot be captured; then it is captured."""
        bound = self._context(count)
        self._enqueue(bound, count)
        self._device.synchronise(self._stream)
        self._programs[count] = _Program(bound, self._captured(bound, count))

    def _context(self, count: int) -> Context:
        bound = self._engine.create_context(self._scratch)
        self._contexts.append(bound)
        bound.select_profile(self._stream)
        self._device.synchronise(self._stream)
        bound.place(self._buffers.addresses)
        for tensor in self._engine.contract.inputs:
            bound.reshape(tensor.name, (count, *tensor.shape))
        return bound

    def _enqueue(self, bound: Context, count: int) -> None:
        self._buffers.copy_in(count, self._stream)
        bound.enqueue(count, self._stream)
        self._buffers.copy_out(count, self._stream)

    def _captured(self, bound: Context, count: int) -> int | None:
        """The whole of a batch as one graph; None, and why in ``without_graphs``, where it cannot be captured."""
        if self.without_graphs is not None:
            return None
        if not bound.can_be_captured(self._stream):
            self.without_graphs = "this engine cannot be captured"
            return None
        try:
            return self._capture(partial(self._enqueue, bound, count))
        except (BackendError, DeviceError) as error:
            self.without_graphs = f"capturing failed: {error}"
            return None

    def _capture(self, queue: Callable[[], None]) -> int:
        self._device.begin_capture(self._stream)
        try:
            queue()
        except BaseException:
            self._abandon()
            raise
        return self._device.end_capture(self._stream)

    def _abandon(self) -> None:
        """End a capture that failed, so that the stream can be used again."""
        try:
            graph = self._device.end_capture(self._stream)
        except DeviceError:
            return
        self._device.destroy_graph(graph)


def _bytes_for(read: NDArray[Any]) -> NDArray[np.uint8]:
    """Where an input is written: itself if it is of bytes, else grey crops (largest, H, W) that are scaled into it."""
    return read if read.dtype == np.uint8 else np.empty((len(read), *read.shape[-2:]), dtype=np.uint8)
