"""From the fp32 graph and a calibration record to the other graphs of a bundle; the same record gives the same files."""

from __future__ import annotations

import onnx

from edgelpr.calibration.early import early_form
from edgelpr.calibration.graphs import opset_of
from edgelpr.calibration.half import HALF_SCALES_OPSET, to_half
from edgelpr.calibration.quantising import quantise
from edgelpr.calibration.record import CalibrationRecord
from edgelpr.calibration.schemes import SCHEMES

FP16, INT8, INT8_CPU = "fp16.onnx", "int8.onnx", "int8-cpu.onnx"
"""Names inside the bundle."""


def build_graphs(model: onnx.ModelProto, record: CalibrationRecord) -> dict[str, onnx.ModelProto]:
    """Build every graph that calibration adds.

    Args:
        model: the bundle's fp32 graph.
        record: ranges of the graph's tensors after ``early_form``, and the nodes that each file keeps in higher precision.

    Returns:
        Graphs by file name: fp16, int8 (the rest in fp16; below opset 19 in fp32, which TensorRT 8.6 types itself) and
        int8 for a CPU (the rest in fp32).

    Raises:
        CalibrationError: a range is missing, or fp16 cannot hold a weight.
    """
    early = early_form(model)
    rounded = {name: quantise(early, record.ranges[name], SCHEMES[name], record.kept.get(name, ())) for name in SCHEMES}
    strong = opset_of(model) >= HALF_SCALES_OPSET
    return {
        FP16: to_half(model, record.kept.get("fp16", ())),
        INT8: to_half(rounded["int8"]) if strong else rounded["int8"],
        INT8_CPU: rounded["int8-cpu"],
    }
