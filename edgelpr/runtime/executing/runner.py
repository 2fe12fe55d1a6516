"""Running batches on an engine: what the backends ``tensorrt`` and ``tensorrt-rtx`` are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgelpr.cuda.interface import CudaDevice
from edgelpr.engines.identity import EngineIdentity
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import joined
from edgelpr.runtime.executing.engine import Engine
from edgelpr.runtime.executing.lane import Lane
from edgelpr.runtime.executing.pool import LanePool
from edgelpr.runtime.executing.sizes import batch_sizes
from edgelpr.runtime.executing.slot import LaneSlot
from edgelpr.types import EngineBackend

_GREY = 128


class EngineRunner:
    """An engine on a GPU; safe to use from several threads, each batch in a lane of its own.

    The arrays that ``run`` returns are copies and belong to the caller.

    Args:
        identity: what verdicts on the engine go by.
        device: an open device, which this closes.
        engine: a loaded engine, which this closes.
        mask: (P, S) which classes may stand where, or None; used when the graph returns class scores.
        batch: how many crops or tracks will usually be read at once; that size is then never filled up.

    Raises:
        BackendError: the engine fails on its first batch.
        DeviceError: out of device memory.
    """

    name: EngineBackend
    """Of the backend; its own class says it."""

    def __init__(
        self,
        identity: EngineIdentity,
        device: CudaDevice,
        engine: Engine,
        mask: NDArray[np.bool_] | None,
        batch: int | None = None,
    ) -> None:
        self._device, self._engine, self._mask = device, engine, mask
        self._identity = identity
        self._pool = LanePool(self._make, self._release, self.name)
        contract = engine.contract
        self.largest = contract.largest
        """Most crops or tracks that one batch takes; ``run`` splits what is longer."""
        self.sizes = batch_sizes(contract.smallest, contract.largest, batch)
        """Batch sizes that are run, ascending; a batch between two is filled up to the next. The first batch of each size in a
        lane makes its context and its graph, and no later one allocates anything on the GPU."""
        try:
            without_graphs = self._prove(contract.smallest)
            self.keep()
        except BaseException:
            self.close()
            raise
        graphs = "CUDA graphs" if without_graphs is None else f"no CUDA graphs ({without_graphs})"
        memory = "shared memory" if device.facts.integrated else "pinned memory"
        dla = "" if identity.dla_core is None else f" with DLA {identity.dla_core}"
        self._description = (
            f"{self.name} {identity.version} {device.facts.name}{dla}, batches of {contract.smallest} to {contract.largest}, "
            f"{graphs}, {memory}"
        )

    @property
    def description(self) -> str:
        """Version, GPU, DLA, batch sizes, and whether CUDA graphs are used."""
        return self._description

    @property
    def device(self) -> str:
        """GPU, board, version of TensorRT and DLA, as verdicts name them."""
        return self._identity.device

    @property
    def engine_sha256(self) -> str:
        """Hash of the plan."""
        return self._identity.engine_sha256

    def run(self, *inputs: NDArray[np.uint8]) -> RawOutput:
        """Read a batch; more crops or tracks than the engine takes at once are read one part after the other.

        Raises:
            BackendError: closed, or TensorRT fails.
            DeviceError: CUDA fails, no memory for another thread, or used after a fork.
        """
        starts = range(0, len(inputs[0]), self.largest)
        return joined([self._run_part([given[start : start + self.largest] for given in inputs]) for start in starts])

    def slot(self) -> LaneSlot:
        """A lane for one batch, whose crops go straight into memory that the GPU reads; see the protocol.

        Raises:
            BackendError: closed.
            DeviceError: no memory for another lane, or used after a fork.
        """
        return LaneSlot(self._pool, self._engine, self._mask)

    def keep(self) -> None:
        """Keep the kernels that were compiled so far for later processes; ``close`` keeps those that follow. Closed: nothing.

        Raises:
            DeviceError: CUDA fails.
        """
        with self._pool.holding() as holds:
            if holds:
                self._device.activate()
                self._engine.keep()

    def gpu_times(self, *inputs: NDArray[np.uint8]) -> dict[str, float]:
        """Milliseconds that one batch takes on the GPU by its events: ``copy_in``, ``compute``, ``copy_out``; and ``enqueue``,
        by the processor. In shared memory there are no copies.

        Args:
            inputs: as for ``run``; no more rows than ``largest``.

        Raises:
            BackendError: closed, or TensorRT fails.
            DeviceError: CUDA fails.
        """
        return self._measured(inputs, Lane.time_parts, keep=True)

    def layer_times(self, passes: int, *inputs: NDArray[np.uint8]) -> dict[str, float]:
        """Milliseconds of each of the engine's layers, medians; TensorRT runs them one at a time for that.

        Args:
            passes: how often the batch is run.
            inputs: as for ``gpu_times``.

        Raises:
            BackendError: closed, or TensorRT fails.
            DeviceError: CUDA fails.
        """
        return self._measured(inputs, partial(Lane.time_layers, passes=passes), keep=False)

    def close(self) -> None:
        """Free everything once no batch is on its way; calling it again does nothing."""
        self._pool.close()

    def _run_part(self, part: Sequence[NDArray[np.uint8]]) -> RawOutput:
        slot = self.slot()
        try:
            for rows, given in zip(slot.inputs, part, strict=True):
                rows[: len(given)] = given
            slot.submit(len(part[0]))
            return slot.result()
        finally:
            slot.release()

    def _measured(
        self, inputs: Sequence[NDArray[np.uint8]], measure: Callable[[Lane, int], dict[str, float]], keep: bool
    ) -> dict[str, float]:
        """Measure a batch in a lane that has run it once, and keep the lane if it can still be used."""
        lane, sound, count = self._pool.take(), False, len(inputs[0])
        try:
            for rows, given in zip(lane.inputs, inputs, strict=True):
                rows[:count] = given
            lane.start(count)
            lane.wait()
            times = measure(lane, count)
            sound = keep
        finally:
            self._pool.give(lane, sound)
        return times

    def _prove(self, count: int) -> str | None:
        """Run a grey batch twice, so that what cannot run says so now; returns why there are no CUDA graphs."""
        lane = self._pool.take()
        sound = False
        try:
            pictures, *present = lane.inputs
            pictures[:count] = _GREY
            for frames in present:
                frames[:count] = 1
            for _ in range(2):
                lane.start(count)
                lane.finish(count)
            sound = True
        finally:
            self._pool.give(lane, sound)
        return lane.without_graphs

    def _make(self) -> Lane:
        self._device.activate()
        return Lane(self._device, self._engine, self.sizes)

    def _release(self) -> None:
        try:
            self._device.activate()
            self._engine.close()
        finally:
            self._device.close()
