"""What is timed: anything that reads plates, and what it has to offer for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.types import Transfers


class Reader(Protocol):
    """A network and all around it; ``BaseReader`` answers what most need not."""

    @property
    def backend(self) -> str:
        """Short name of what computes: ``onnxruntime``, ``torch``, ``peer``."""

    @property
    def description(self) -> str:
        """Engine, version, device and threads, for people."""

    @property
    def device(self) -> str:
        """What computes: ``CPU``, ``CUDA`` or the name of a GPU."""

    @property
    def gpu(self) -> int | None:
        """Number of the GPU that computes, as CUDA counts; None: none does, or it is the one that the user named."""

    @property
    def precision(self) -> str:
        """Arithmetic of the network."""

    @property
    def threads(self) -> int | None:
        """Processor threads of one call; None where nobody set them."""

    @property
    def engine_sha256(self) -> str | None:
        """Of the plan that TensorRT runs; None where nothing is built."""

    @property
    def transfers(self) -> Transfers:
        """Whether ``run_network`` copies to and from the device, or a prepared input lies there already."""

    @property
    def batched(self) -> bool:
        """Whether ``read`` sends several plates through the network at once; if not, one after the other."""

    def network_input(self, crops: Sequence[Any]) -> NDArray[np.uint8]:
        """(N, H, W) uint8, or (N, F, H, W) of tracks: what ``prepare`` takes.

        Args:
            crops: one item a plate: (H, W) grey or (H, W, 3) BGR, uint8, of any size, or the tuple of a track's F frames.
        """

    def prepare(self, batch: NDArray[np.uint8]) -> Any:
        """What ``run_network`` takes, where the device wants it; never timed.

        Args:
            batch: of ``network_input``, or a part of it.
        """

    def run_network(self, prepared: Any) -> object:
        """The network alone. It may return before the device is done: only ``synchronise`` waits for that."""

    def synchronise(self) -> None:
        """Wait until the device has done all that it was given; the scenario ``paper`` leaves this out on purpose."""

    def read(self, crops: Sequence[Any]) -> Sequence[str]:
        """From decoded crops in memory to their texts, one a plate; returns when the texts are there.

        Args:
            crops: as for ``network_input``.
        """

    def gpu_ms(self, prepared: Any) -> Mapping[str, float] | None:
        """One call between events of the device: ``enqueue``, ``compute``, ``copy_in``, ``copy_out``, those that are known, in
        milliseconds; None where the backend has no events. Asked apart from the samples, which events would lengthen."""

    def layer_ms(self, prepared: Any, passes: int) -> Mapping[str, float] | None:
        """Milliseconds of each layer of an engine that was built, medians of so many calls; None where nobody tells."""

    def close(self) -> None:
        """Free everything; calling it again does nothing."""


class BaseReader:
    """What holds for a reader whose calls return when they are done."""

    backend: str = "callable"
    precision: str = "fp32"
    device: str = "CPU"
    gpu: int | None = None
    threads: int | None = None
    engine_sha256: str | None = None
    transfers: Transfers = "none"
    batched: bool = True
    height_width: tuple[int, int] = (50, 160)

    def network_input(self, crops: Sequence[Any]) -> NDArray[np.uint8]:
        """(N, H, W): grey, resized as our own networks want it."""
        return Preprocessing(*self.height_width).batch(crops)

    def prepare(self, batch: NDArray[np.uint8]) -> Any:
        """The batch itself."""
        return batch

    def synchronise(self) -> None:
        """Nothing to wait for."""

    def gpu_ms(self, prepared: Any) -> Mapping[str, float] | None:
        """Not known."""
        return None

    def layer_ms(self, prepared: Any, passes: int) -> Mapping[str, float] | None:
        """Not known."""
        return None

    def close(self) -> None:
        """Nothing to free."""
