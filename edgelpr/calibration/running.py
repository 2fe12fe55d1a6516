"""Running a graph with ONNX Runtime on the CPU, and what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr.bundle.graph import Graph
from edgelpr.errors import CalibrationError, require
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import scale
from edgelpr.runtime.decoding import class_mask, raw_output

BATCH = 16
"""Crops at a time."""

Outputs = dict[str, NDArray[Any]]
"""Arrays by output name."""

_ERRORS_ONLY = 3


@dataclass(frozen=True, eq=False)
class Readings:
    """What a graph reads on N crops of P positions."""

    plates: tuple[str, ...]
    """N texts."""

    classes: NDArray[np.int32]
    """(N, P) winning classes."""

    probabilities: NDArray[np.float32]
    """(N, P) their probabilities, 0 to 1."""


class GraphRunner:
    """A graph that is open in ONNX Runtime.

    Args:
        model: the graph.
        graph: what the manifest says or will say about it.
        plate_format: what its classes mean.
        threads: CPU threads; None: ONNX Runtime's default.
        optimised: whether ONNX Runtime may rewrite it. Graphs with scales in fp16 come out wrong then.

    Raises:
        CalibrationError: ONNX Runtime refuses the graph.
    """

    def __init__(
        self, model: onnx.ModelProto, graph: Graph, plate_format: PlateFormat, threads: int | None, optimised: bool = True
    ) -> None:
        runtime = require("onnxruntime", "export", "calibrating")
        options = runtime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.intra_op_num_threads = threads or 0
        if not optimised:
            options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._graph, self._plate_format, self._mask = graph, plate_format, class_mask(plate_format)
        try:
            content = model.SerializeToString()
            self._session: Any = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            raise CalibrationError(
                f"{graph.file}: ONNX Runtime {runtime.__version__} refuses the graph ({_brief(error)}); nothing was written, "
                "please report this"
            ) from error

    @property
    def contract(self) -> list[tuple[str, str, tuple[Any, ...]]]:
        """Name, type and shape of every input and output."""
        values = [*self._session.get_inputs(), *self._session.get_outputs()]
        return [(value.name, value.type, tuple(value.shape)) for value in values]

    def run(self, crops: NDArray[np.uint8]) -> Outputs:
        """Outputs for one batch (N, H, W).

        Raises:
            CalibrationError: ONNX Runtime fails.
        """
        graph = self._graph
        feed = crops if graph.input_dtype == "uint8" else scale(crops, graph.channels)
        try:
            return dict(zip(graph.outputs, self._session.run(graph.outputs, {graph.input_name: feed})))
        except Exception as error:  # as above
            raise CalibrationError(f"{graph.file}: ONNX Runtime failed on a batch of {len(crops)} ({_brief(error)})") from error

    def read(self, crops: NDArray[np.uint8]) -> Readings:
        """Plates of N crops (N, H, W), N at least 1, a batch at a time.

        Raises:
            CalibrationError: ONNX Runtime fails.
        """
        raws = [raw_output(tuple(outputs), list(outputs.values()), self._mask) for outputs in self._batches(crops)]
        classes = np.concatenate([raw.classes for raw in raws])
        plates = tuple(self._plate_format.decode([int(index) for index in row]) for row in classes)
        return Readings(plates, classes, np.concatenate([raw.probabilities for raw in raws]))

    def _batches(self, crops: NDArray[np.uint8]) -> Iterator[Outputs]:
        for start in range(0, len(crops), BATCH):
            yield self.run(crops[start : start + BATCH])


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
