"""Whether an int8 graph reads alike on every processor."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np

from edgelpr.types import Precision

LARGEST_SAFE = 64
"""Two products of uint8 with such weights fit in 16 bits (2 x 255 x 64 = 32640), which is what x86 without VNNI adds in."""


def is_portable(graph_file: Path, precision: Precision) -> bool:
    """Whether readings do not depend on the instruction set: all int8 weights fit in 7 bits, so that no sum saturates.

    fp16 is not: some processors compute in it, others in fp32. Without the package onnx no graph can be looked into, and
    the answer is no, which only means to verify again on another kind of processor.

    Args:
        graph_file: an ONNX file.
        precision: of the graph.
    """
    if precision != "int8":
        return precision == "fp32"
    try:
        onnx = import_module("onnx")
    except ModuleNotFoundError:
        return False
    constants = [item for item in onnx.load(graph_file).graph.initializer if item.data_type == onnx.TensorProto.INT8]
    values = [onnx.numpy_helper.to_array(item).astype(np.int16) for item in constants]
    return all(abs(value).max(initial=0) <= LARGEST_SAFE for value in values)
