"""What backends offer beyond reading, for measuring: times by the device's own clock."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgelpr.runtime.backends.protocol import Backend


@runtime_checkable
class TimedBackend(Backend, Protocol):
    """A backend that computes on a GPU and puts events between the parts of a batch."""

    def gpu_times(self, *inputs: NDArray[np.uint8]) -> dict[str, float]:
        """Milliseconds of one batch on the GPU: ``copy_in``, ``compute``, ``copy_out``, those that there are; and ``enqueue``,
        of the processor, until the computing was queued.

        Args:
            inputs: as for ``run``, of a size that the backend runs at once.

        Raises:
            BackendError: closed, or the engine fails.
        """


@runtime_checkable
class LayeredBackend(Backend, Protocol):
    """A backend whose engine tells how long each of its layers takes."""

    def layer_times(self, passes: int, *inputs: NDArray[np.uint8]) -> dict[str, float]:
        """Milliseconds of each layer, medians, in the order of the engine; layers run one at a time for that.

        Args:
            passes: how often the batch is run.
            inputs: as for ``run``, of a size that the backend runs at once.

        Raises:
            BackendError: closed, or the engine fails.
        """
