"""One batch from its first crop to its outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import raw_output
from edgelpr.runtime.executing.engine import Engine
from edgelpr.runtime.executing.lane import Lane
from edgelpr.runtime.executing.pool import LanePool


class LaneSlot:
    """A lane held for one batch, as ``backends.protocol.Slot`` describes it.

    Args:
        pool: where the lane comes from and goes back to.
        engine: names the outputs.
        mask: (P, S) which classes may stand where, or None.

    Raises:
        BackendError: closed.
        DeviceError: no memory for another lane, or after a fork.
    """

    def __init__(self, pool: LanePool, engine: Engine, mask: NDArray[np.bool_] | None) -> None:
        self._pool, self._outputs, self._mask = pool, engine.graph.outputs, mask
        self._lane: Lane | None = pool.take()
        self._count = 0
        self._pending = False
        self._sound = True

    @property
    def inputs(self) -> tuple[NDArray[np.uint8], ...]:
        """The lane's own memory."""
        return self._held().inputs

    def submit(self, count: int) -> None:
        """Start the batch; see the protocol."""
        self._sound = False
        self._count = count
        self._held().start(count)
        self._sound = self._pending = True

    def result(self) -> RawOutput:
        """Wait for the batch; see the protocol."""
        self._sound = False
        arrays = self._held().finish(self._count)
        self._sound, self._pending = True, False
        return raw_output(self._outputs, arrays, self._mask)

    def release(self) -> None:
        """Give the lane back once nothing runs in it; one that failed is freed instead."""
        lane, self._lane = self._lane, None
        if lane is None:
            return
        if self._pending and self._sound:
            self._sound = self._pool.settles(lane)
        self._pool.give(lane, self._sound)

    def _held(self) -> Lane:
        if self._lane is None:
            raise RuntimeError("this slot was released")
        return self._lane
