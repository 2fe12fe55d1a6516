"""A bundle that reads single crops, as a reader: its network and the recogniser around it."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.network_reader import NetworkReader
from edgelpr.bundle.bundle import Bundle
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.backends.protocol import Backend
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.types import BackendName, Precision


class RecognizerReader(NetworkReader):
    """End to end is from a decoded crop to its text.

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
        super().__init__(engine, backend, precision, threads, bundle.manifest.preprocessing)
        self.recognizer = Recognizer(bundle, engine, backend, precision, batch)

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
