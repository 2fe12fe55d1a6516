"""Running a graph with ONNX Runtime on the CPU, and what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr.bundle.graph import Graph
from edgelpr.calibration.inputs import feeds_of, rows_of
from edgelpr.errors import CalibrationError, in_one_line, require
from edgelpr.export.running import start_session
from edgelpr.plates.format import PlateFormat
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import class_mask, raw_output

BATCH = 16
"""Crops, or tracks, at a time."""

Outputs = dict[str, NDArray[Any]]
"""Arrays by output name."""


@dataclass(frozen=True, eq=False)
class Readings:
    """What a graph reads on N crops, or N tracks, of P positions."""

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

    def run(self, *inputs: NDArray[np.uint8]) -> Outputs:
        """Outputs for one batch; inputs as ``Backend.run`` takes them.

        Raises:
            CalibrationError: ONNX Runtime fails.
        """
        graph = self._graph
        feeds = feeds_of({each.name: each.dtype == "uint8" for each in graph.inputs}, inputs, graph.channels)
        try:
            return dict(zip(graph.outputs, self._session.run(graph.outputs, feeds)))
        except Exception as error:  # as above
            raise CalibrationError(
                f"{graph.file}: ONNX Runtime failed on a batch of {len(inputs[0])} ({in_one_line(error)})"
            ) from error

    def raw(self, *inputs: NDArray[np.uint8]) -> RawOutput:
        """One batch, as a backend returns it.

        Raises:
            CalibrationError: ONNX Runtime fails.
        """
        outputs = self.run(*inputs)
        return raw_output(tuple(outputs), list(outputs.values()), self._mask)

    def read(self, *inputs: NDArray[np.uint8]) -> Readings:
        """Plates of N crops or tracks, N at least 1, a batch at a time.

        Raises:
            CalibrationError: ONNX Runtime fails.
        """
        starts = range(0, len(inputs[0]), BATCH)
        raws = [self.raw(*rows_of(inputs, slice(start, start + BATCH))) for start in starts]
        return Readings.of(raws, self._plate_format)


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
