"""Running an exported graph with ONNX Runtime on the CPU, for the parity check and for counting."""

from __future__ import annotations

from collections.abc import Callable
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


def open_session(model: onnx.ModelProto) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU.

    Raises:
        ExportError: ONNX Runtime refuses the graph.
    """
    onnxruntime = require("onnxruntime", "export", "checking an exported graph")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base of their own
        reason = str(error).strip().split("\n")[0]
        raise ExportError(f"ONNX Runtime refuses the exported graph ({reason}); nothing was written") from error
