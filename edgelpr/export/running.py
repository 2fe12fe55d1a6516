"""Running an exported graph with ONNX Runtime on the CPU, for the parity check and for counting."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr.errors import ExportError, require

if TYPE_CHECKING:  # both need torch, which counting and calibration do without
    from edgelpr.export.parity import Outputs
    from edgelpr.export.wrapping import GraphModule

_ERRORS_ONLY = 3


def run_with_onnxruntime(model: onnx.ModelProto, module: GraphModule) -> Callable[[NDArray[np.uint8]], Outputs]:
    """A function from crops (N, H, W) to outputs by name.

    Args:
        model: the graph.
        module: what it was exported from; knows how to feed it.

    Raises:
        ExportError: ONNX Runtime refuses the graph.
    """
    session = open_session(model)
    names = list(module.outputs)

    def run(crops: NDArray[np.uint8]) -> Outputs:
        return dict(zip(names, session.run(names, {module.input_name: module.feed(crops)})))

    return run


def start_session(runtime: ModuleType, model: onnx.ModelProto, threads: int | None = None, optimised: bool = True) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU; what ONNX Runtime raises where it refuses the graph is let through.

    Args:
        runtime: the module ``onnxruntime``.
        model: the graph.
        threads: CPU threads; None: ONNX Runtime's default.
        optimised: whether ONNX Runtime may rewrite the graph. Graphs with scales in fp16 come out wrong then.
    """
    options = runtime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads or 0
    if not optimised:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def open_session(model: onnx.ModelProto) -> Any:
    """The same for an exported graph.

    Raises:
        ExportError: ONNX Runtime refuses the graph.
        MissingDependencyError: ONNX Runtime is not installed.
    """
    runtime = require("onnxruntime", "export", "checking an exported graph")
    try:
        return start_session(runtime, model)
    except Exception as error:  # its exceptions have no common base of their own
        reason = str(error).strip().split("\n")[0]
        raise ExportError(f"ONNX Runtime refuses the exported graph ({reason}); nothing was written") from error
