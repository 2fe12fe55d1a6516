"""The int8 graph made for TensorRT, read with ONNX Runtime: what it costs before there is a board to build an engine on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import Graph
from edgelpr.errors import BackendError, CalibrationError, require
from edgelpr.runtime.backends.protocol import RawOutput


class SimulatedTensorRt:
    """A ``Backend`` without graph optimisations: ONNX Runtime's are wrong where scales are fp16. Its speed says nothing.

    Args:
        bundle: as opened.
        graph: the one made for TensorRT.
        threads: CPU threads; None: ONNX Runtime's default.

    Raises:
        BackendError: ONNX Runtime refuses the graph.
        MissingDependencyError: onnx or ONNX Runtime is not installed.
    """

    def __init__(self, bundle: Bundle, graph: Graph, threads: int | None) -> None:
        onnx = require("onnx", "export", "simulating TensorRT")
        runtime = require("onnxruntime", "export", "simulating TensorRT")
        from edgelpr.calibration.running import GraphRunner  # needs onnx, which reading on a board does without

        plate_format = bundle.manifest.plate_format
        try:
            runner = GraphRunner(onnx.load(bundle.file(graph.file)), graph, plate_format, threads, optimised=False)
        except CalibrationError as error:
            raise BackendError(str(error)) from error
        self._runner: GraphRunner | None = runner
        self._description = f"onnxruntime {runtime.__version__} in place of TensorRT, graph optimisations off"

    @property
    def description(self) -> str:
        """Engine and how it runs."""
        return self._description

    @property
    def device(self) -> str:
        """Always ``CPU``."""
        return "CPU"

    @property
    def engine_sha256(self) -> str | None:
        """None: nothing is built."""
        return None

    def run(self, *inputs: NDArray[np.uint8]) -> RawOutput:
        """Read a batch; see the protocol.

        Raises:
            BackendError: closed, or ONNX Runtime fails.
        """
        if self._runner is None:
            raise BackendError("the simulation was closed; open the bundle again")
        try:
            return self._runner.raw(*inputs)
        except CalibrationError as error:
            raise BackendError(str(error)) from error

    def close(self) -> None:
        """Free the session."""
        self._runner = None
