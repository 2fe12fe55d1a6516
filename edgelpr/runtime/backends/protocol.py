"""What every inference engine offers to the recogniser."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class RawOutput(NamedTuple):
    """What a backend returns for N crops and P positions; the arrays belong to the caller."""

    classes: NDArray[np.int32]
    """(N, P) index of the winning class."""

    probabilities: NDArray[np.float32]
    """(N, P) its probability, 0 to 1."""

    maps: NDArray[np.float32] | None
    """(N, P, h, w) HPA maps, 0 to 1, without background; None when the graph has no such output."""


class Backend(Protocol):
    """A loaded network; ``run`` may be called from several threads at once."""

    @property
    def description(self) -> str:
        """Engine, version, device and threads, for people."""

    @property
    def device(self) -> str:
        """What computes, as ``Approval.device`` names it: ``CPU``, ``CUDA`` or the name of a GPU."""

    def run(self, batch: NDArray[np.uint8]) -> RawOutput:
        """Read a batch.

        Args:
            batch: (N, H, W) grey crops of the network's input size, uint8, 0 to 255; only read, and not kept.

        Raises:
            BackendError: the engine fails, or was closed.
        """

    def close(self) -> None:
        """Free the network; calling it again does nothing."""
