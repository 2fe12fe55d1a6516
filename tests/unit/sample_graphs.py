"""Small ONNX graphs of the form of a bundle's: crops in, classes out."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = (8, 16)


def small_graph(opset: int = 17, takes: str = "uint8", quantised: bool = False, operator: str = "Conv") -> bytes:
    """A convolution of crops (N, 8, 16), with the class that is largest.

    Args:
        opset: version of the operators.
        takes: ``uint8``: crops as bytes; ``float32``: planes (N, 1, 8, 16).
        quantised: whether the convolution reads Q/DQ nodes.
        operator: what the convolution is called; another name makes a graph that no parser takes.
    """
    shape = ["N", *SIDE] if takes == "uint8" else ["N", 1, *SIDE]
    nodes, values = [], "crops"
    constants = {"weight": np.ones((10, 1, *SIDE), np.float32) * np.arange(10, dtype=np.float32).reshape(10, 1, 1, 1)}
    if takes == "uint8":
        constants["axis"] = np.array([1], np.int64)
        nodes += [_node("Cast", [values], "cast", to=TensorProto.FLOAT), _node("Unsqueeze", ["cast", "axis"], "planes")]
        values = "planes"
    if quantised:
        constants |= {"scale": np.float32(2), "zero": np.int8(0)}
        nodes += [_node("QuantizeLinear", [values, "scale", "zero"], "rounded")]
        nodes += [_node("DequantizeLinear", ["rounded", "scale", "zero"], "restored")]
        values = "restored"
    nodes += [_node(operator, [values, "weight"], "scores"), _node("ArgMax", ["scores"], "best", axis=1, keepdims=0)]
    nodes += [_node("Cast", ["best"], "classes", to=TensorProto.INT32)]
    kind = TensorProto.UINT8 if takes == "uint8" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("crops", kind, shape)],
        [helper.make_tensor_value_info("classes", TensorProto.INT32, ["N", 1, 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return model.SerializeToString()


def _node(operator: str, sources: list[str], target: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, sources, [target], name=f"make_{target}", **attributes)
