"""A bundle's network and what reads with it, as one reader: both share one engine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.bench.reader import BaseReader
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.runtime.backends.protocol import Backend, RawOutput
from edgelpr.runtime.backends.timed import LayeredBackend, TimedBackend
from edgelpr.types import BackendName, Precision

Prepared = tuple[NDArray[np.uint8], ...]
"""Inputs of the network: (N, H, W) crops, or (N, F, H, W) frames and (N, F) which of them are there."""


class NetworkReader(BaseReader):
    """The network only is the engine's call, on a CPU nothing more; on a GPU it includes the copies, which cannot be left out.

    Args:
        network: loaded; who makes a reader of it closes it.
        backend: its name.
        precision: its arithmetic.
        threads: processor threads of the engine; None where it has no such setting.
        preprocessing: of its bundle.
    """

    def __init__(
        self, network: Backend, backend: BackendName, precision: Precision, threads: int | None, preprocessing: Preprocessing
    ) -> None:
        self.backend, self.precision, self.threads = backend, precision, threads
        self.description, self.device, self.engine_sha256 = network.description, network.device, network.engine_sha256
        self.transfers = "none" if network.device == "CPU" else "included"
        self.height_width = (preprocessing.height, preprocessing.width)
        self._network = network

    def prepare(self, batch: NDArray[np.uint8]) -> Prepared:
        """The batch, as the network's only input."""
        return (batch,)

    def run_network(self, prepared: Prepared) -> RawOutput:
        """Run a batch, uint8; returns when it is done.

        Raises:
            BackendError: closed, or the engine fails.
        """
        return self._network.run(*prepared)

    def gpu_ms(self, prepared: Prepared) -> Mapping[str, float] | None:
        """One call between events of the GPU; None where the backend has none."""
        return self._network.gpu_times(*prepared) if isinstance(self._network, TimedBackend) else None

    def layer_ms(self, prepared: Prepared, passes: int) -> Mapping[str, float] | None:
        """Each layer of a built engine; None where the backend does not tell."""
        return self._network.layer_times(passes, *prepared) if isinstance(self._network, LayeredBackend) else None
