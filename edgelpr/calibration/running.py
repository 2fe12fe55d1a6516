"""Running a graph with ONNX Runtime on the CPU, and what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr.bundle.graph import Graph
from edgelpr.errors import CalibrationError, in_one_line, require
from edgelpr.export.running import start_session
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import scale
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import class_mask, raw_output

BATCH = 16
"""Crops at a time."""

Outputs = dict[str, NDArray[Any]]
"""Arrays by output name."""


@dataclass(frozen=True, eq=False)
class Readings:
    """What a graph reads on N crops of P positions."""

    plates: tuple[str, ...]
    """N texts."""

    classes: NDArray[np.int32]
    """(N, P) winning classes."""

    probabilities: NDArray[np.float32]
    """(N, P) their probabilities, 0 to 1."""

    @classmethod
    def of(cls, raws: Sequence[RawOutput], plate_format: PlateFormat) -> Readings:
        """Of what an engine returned for batches, at least one."""
        classes = np.concatenate([raw.classes for raw in raws])
        plates = tuple(plate_format.decode(row) for row in classes.tolist())
        return cls(plates, classes, np.concatenate([raw.probabilities for raw in raws]))


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
        self._graph, self._plate_format, self._mask = graph, plate_format, class_mask(plate_format)
        remedy = "nothing was written, please report this"
        self._session = open_checked(model, f"{graph.file}: ", remedy, threads, optimised)

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
            raise CalibrationError(
                f"{graph.file}: ONNX Runtime failed on a batch of {len(crops)} ({in_one_line(error)})"
            ) from error

    def raw(self, crops: NDArray[np.uint8]) -> RawOutput:
        """One batch (N, H, W), as a backend returns it.

        Raises:
            CalibrationError: ONNX Runtime fails.
        """
        outputs = self.run(crops)
        return raw_output(tuple(outputs), list(outputs.values()), self._mask)

    def read(self, crops: NDArray[np.uint8]) -> Readings:
        """Plates of N crops (N, H, W), N at least 1, a batch at a time.

        Raises:
            CalibrationError: ONNX Runtime fails.
        """
        starts = range(0, len(crops), BATCH)
        return Readings.of([self.raw(crops[start : start + BATCH]) for start in starts], self._plate_format)


def open_checked(model: onnx.ModelProto, where: str, remedy: str, threads: int | None, optimised: bool) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU.

    Args:
        model: the graph.
        where: what the message begins with.
        remedy: what it ends with.
        threads: CPU threads; None: ONNX Runtime's default.
        optimised: whether ONNX Runtime may rewrite the graph.

    Raises:
        CalibrationError: ONNX Runtime refuses the graph.
        MissingDependencyError: it is not installed.
    """
    runtime = require("onnxruntime", "export", "calibrating")
    try:
        return start_session(runtime, model, threads, optimised)
    except Exception as error:  # ONNX Runtime's own exceptions share no public base
        raise CalibrationError(
            f"{where}ONNX Runtime {runtime.__version__} refuses the graph ({in_one_line(error)}); {remedy}"
        ) from error
