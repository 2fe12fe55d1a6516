"""A bundle's network and the recogniser around it, as one reader: both share one engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.bench.reader import BaseReader
from edgelpr.bundle.bundle import Bundle
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.backends.protocol import Backend, RawOutput
from edgelpr.runtime.backends.timed import LayeredBackend, TimedBackend
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.types import BackendName, Precision


class RecognizerReader(BaseReader):
    """The network only is the engine's call, on a CPU nothing more; on a GPU it includes the copies, which cannot be left out.

    Args:
        bundle: an opened bundle.
        engine: its loaded network, which this closes.
        backend: its name.
        precision: its arithmetic.
        threads: processor threads of the engine; None where it has no such setting.
        batch: most crops that go through the network at once.
    """

    def __init__(
        self, bundle: Bundle, engine: Backend, backend: BackendName, precision: Precision, threads: int | None, batch: int = 1
    ) -> None:
        self.recognizer = Recognizer(bundle, engine, backend, precision, batch)
        self.backend, self.precision, self.threads = backend, precision, threads
        self.description, self.device, self.engine_sha256 = engine.description, engine.device, engine.engine_sha256
        size = bundle.manifest.preprocessing
        self.height_width = (size.height, size.width)
        self._engine = engine

    def run_network(self, prepared: NDArray[np.uint8]) -> RawOutput:
        """Run a batch (N, H, W), uint8; returns when it is done.

        Raises:
            BackendError: closed, or the engine fails.
        """
        return self._engine.run(prepared)

    def gpu_ms(self, prepared: NDArray[np.uint8]) -> Mapping[str, float] | None:
        """One call between events of the GPU; None where the backend has none."""
        return self._engine.gpu_times(prepared) if isinstance(self._engine, TimedBackend) else None

    def layer_ms(self, prepared: NDArray[np.uint8], passes: int) -> Mapping[str, float] | None:
        """Each layer of a built engine; None where the backend does not tell."""
        return self._engine.layer_times(passes, prepared) if isinstance(self._engine, LayeredBackend) else None

    def read(self, crops: Sequence[Image]) -> list[str]:
        """Read one crop as ``Recognizer.read`` reads one, several in batches.

        Raises:
            ImageError: a crop that cannot be used.
            BackendError: closed, or the engine fails.
        """
        if len(crops) == 1:
            return [self.recognizer.read(crops[0]).plate]
        return [reading.plate for reading in self.recognizer.read(list(crops))]

    def close(self) -> None:
        """Free the network."""
        self.recognizer.close()
