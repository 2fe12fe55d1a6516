"""What every inference engine offers to the recogniser."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

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
        """What computes, as ``Approval.device`` names it: ``CPU``, ``CUDA``, or GPU, board and version of TensorRT."""

    @property
    def engine_sha256(self) -> str | None:
        """Hash of the plan that was built for this machine; None where nothing is built."""

    def run(self, batch: NDArray[np.uint8]) -> RawOutput:
        """Read a batch.

        Args:
            batch: (N, H, W) grey crops of the network's input size, uint8, 0 to 255; only read, and not kept.

        Raises:
            BackendError: the engine fails, or was closed.
        """

    def close(self) -> None:
        """Free the network; calling it again does nothing."""


class Slot(Protocol):
    """One batch on its way through a backend that computes apart from the processor; belongs to one thread."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(largest, H, W) grey crops, uint8, 0 to 255, in memory that the engine reads: fill rows, then ``submit``."""

    def submit(self, count: int) -> None:
        """Start the batch and return; ``pixels`` is left alone until ``result``.

        Args:
            count: how many rows are crops, 1 to largest.

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
