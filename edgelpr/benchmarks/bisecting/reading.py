"""Reading prepared plates with graphs that no bundle holds yet, through the engine and settings that reads bundles."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from edgelpr.benchmarks.bisecting.plates import PreparedPlates
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.running import Readings
from edgelpr.runtime.backends.protocol import Backend
from edgelpr.runtime.backends.registry import load_backend
from edgelpr.types import BackendName, Precision


class GraphReader:
    """Reads with graphs of one precision of a bundle.

    Args:
        bundle: whose manifest says how its graphs are fed.
        backend: the engine.
        precision: of the graphs.
        threads: CPU threads for one batch; None lets the engine choose.
        batch_size: crops that go through a graph at once.
    """

    def __init__(
        self, bundle: Bundle, backend: BackendName, precision: Precision, threads: int | None, batch_size: int
    ) -> None:
        self._bundle, self._backend, self._precision = bundle, backend, precision
        self._threads, self._batch_size = threads, batch_size

    def open(self, model: onnx.ModelProto | None = None) -> Backend:
        """The engine with a graph; without one, with the bundle's own."""
        if model is None:
            return load_backend(self._backend, self._bundle, self._precision, self._threads)
        # Engines open graphs of bundles: a folder with the one file stands for a bundle with this graph in it.
        file = self._bundle.graph(self._precision, self._backend).file
        with TemporaryDirectory(prefix="edgelpr-bisect-") as folder:
            path = Path(folder) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(model.SerializeToString())
            return load_backend(self._backend, Bundle(Path(folder), self._bundle.manifest), self._precision, self._threads)

    def read(self, plates: PreparedPlates, model: onnx.ModelProto | None = None) -> Readings:
        """Read every plate.

        Raises:
            BackendError: the engine refuses the graph or fails.
        """
        with closing(self.open(model)) as engine:
            starts = range(0, len(plates.crops), self._batch_size)
            results = [engine.run(plates.crops[start : start + self._batch_size]) for start in starts]
        return Readings.of(results, self._bundle.manifest.plate_format)
