"""What every inference engine offers to the recogniser."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class RawOutput(NamedTuple):
    """What a backend returns for N crops, or N tracks of F frames, and P positions; the arrays belong to the caller.

    What a graph has no output for is None.
    """

    classes: NDArray[np.int32]
    """(N, P) index of the winning class."""

    probabilities: NDArray[np.float32]
    """(N, P) its probability, 0 to 1."""

    maps: NDArray[np.float32] | None = None
    """(N, P, h, w) HPA maps, 0 to 1, without background."""

    quality: NDArray[np.float32] | None = None
    """(N, F) of tracks: how legible each frame is, 0 to 1, 0 for absent frames."""

    likeness: NDArray[np.float32] | None = None
    """(N, F, F) of tracks: how alike the plates of every two frames read, 0 to 1, 1 for absent frames."""

    temporal: NDArray[np.float32] | None = None
    """(N, F, h, w) of tracks: weights of the features, 0 to 2."""

    attention: NDArray[np.float32] | None = None
    """(N, P, F, w) of tracks: shares, summing to 1 over F and w."""


class Backend(Protocol):
    """A loaded network; ``run`` may be called from several threads at once."""

    @property
    def description(self) -> str:
        """Engine, version, device and threads, for people."""

    @property
    def device(self) -> str:
        """What computes, as ``Approval.device`` names it: ``CPU``, ``CUDA``, or GPU, board and version of TensorRT."""

    @property
    def engine_sha256(self) -> str | None:
        """Hash of the plan that was built for this machine; None where nothing is built."""

    def run(self, *inputs: NDArray[np.uint8]) -> RawOutput:
        """Read a batch.

        Args:
            inputs: as many as ``Graph.inputs`` has, in that order; only read, and not kept. Of crops (N, H, W), grey, of the
                network's input size, 0 to 255. Of tracks (N, F, H, W), frames of that kind, and (N, F), 1 for a frame that is
                there, 0 for one that is not.

        Raises:
            BackendError: the engine fails, or was closed.
        """

    def close(self) -> None:
        """Free the network; calling it again does nothing."""


class Slot(Protocol):
    """One batch on its way through a backend that computes apart from the processor; belongs to one thread."""

    @property
    def inputs(self) -> tuple[NDArray[np.uint8], ...]:
        """What ``Backend.run`` takes, of ``largest`` rows each, in memory that the engine reads: fill rows, then ``submit``."""

    def submit(self, count: int) -> None:
        """Start the batch and return; ``inputs`` are left alone until ``result``.

        Args:
            count: how many rows are filled, 1 to largest.

        Raises:
            BackendError: the engine fails.
        """

    def result(self) -> RawOutput:
        """Wait for the batch that was submitted.

        Raises:
            BackendError: the engine fails.
        """

    def release(self) -> None:
        """Give the slot back, whatever became of its batch; every slot has to be. Calling it again does nothing."""


@runtime_checkable
class StagedBackend(Backend, Protocol):
    """A backend whose batches go through slots: crops are resized straight into its memory, and while one batch is computed the
    next is prepared. What other backends lack; ``run`` works as theirs does."""

    @property
    def largest(self) -> int:
        """Most crops of one batch in a slot; ``run`` takes any number."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Batch sizes that are run, ascending; a batch between two is filled up to the next."""

    def slot(self) -> Slot:
        """A slot for one batch; several may be in use at once, by one thread or by many.

        Raises:
            BackendError: closed, or no memory for another one.
        """

    def keep(self) -> None:
        """Keep what was made ready by now, as compiled kernels are, so that a later process starts faster; closed: nothing.

        Raises:
            BackendError: the engine fails.
        """
