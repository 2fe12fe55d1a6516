"""Running batches on an engine: what the backends ``tensorrt`` and ``tensorrt-rtx`` are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgelpr.cuda.interface import CudaDevice
from edgelpr.engines.identity import EngineIdentity
from edgelpr.runtime.backends.protocol import RawOutput
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
        batch: how many crops will usually be read at once; that size is then never filled up.

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
        """Most crops that one batch takes; ``run`` splits what is longer."""
        self.sizes = batch_sizes(contract.smallest, contract.largest, batch)
        """Batch sizes that are run, ascending; a batch between two is filled up to the next. The first batch of each size in a
        lane makes its context and its graph, and no later one allocates anything on the GPU."""
        try:
            without_graphs = self._prove(contract.smallest)
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

    def run(self, batch: NDArray[np.uint8]) -> RawOutput:
        """Read a batch (N, H, W), uint8; more crops than the engine takes at once are read one part after the other.

        Raises:
            BackendError: closed, or TensorRT fails.
            DeviceError: CUDA fails, no memory for another thread, or used after a fork.
        """
        parts = [self._run_part(batch[start : start + self.largest]) for start in range(0, len(batch), self.largest)]
        if len(parts) == 1:
            return parts[0]
        maps = None if parts[0].maps is None else np.concatenate([part.maps for part in parts if part.maps is not None])
        classes = np.concatenate([part.classes for part in parts])
        return RawOutput(classes, np.concatenate([part.probabilities for part in parts]), maps)

    def slot(self) -> LaneSlot:
        """A lane for one batch, whose crops go straight into memory that the GPU reads; see the protocol.

        Raises:
            BackendError: closed.
            DeviceError: no memory for another lane, or used after a fork.
        """
        return LaneSlot(self._pool, self._engine, self._mask)

    def close(self) -> None:
        """Free everything once no batch is on its way; calling it again does nothing."""
        self._pool.close()

    def _run_part(self, part: NDArray[np.uint8]) -> RawOutput:
        slot = self.slot()
        try:
            slot.pixels[: len(part)] = part
            slot.submit(len(part))
            return slot.result()
        finally:
            slot.release()

    def _prove(self, count: int) -> str | None:
        """Run a grey batch twice, so that what cannot run says so now; returns why there are no CUDA graphs."""
        lane = self._pool.take()
        sound = False
        try:
            lane.pixels[:count] = _GREY
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
