"""Multiply-adds of an ONNX graph."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr.export.running import open_session

_COUNTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM")


def count_graph_multiply_adds(model: onnx.ModelProto) -> int:
    """Multiply-adds of convolutions, transposed ones too, matrix products and LSTMs for one crop or one track.

    Of an exported graph of tracks it is what ``count_track_multiply_adds`` counts of the network. Sizes come from running the
    graph once on a blank crop: shape inference gives up where a reshape depends on the batch.

    Raises:
        ExportError: ONNX Runtime refuses the graph.
    """
    return sum(count_multiply_adds_by_node(model).values())


def count_multiply_adds_by_node(model: onnx.ModelProto) -> dict[str, int]:
    """The same for each convolution, matrix product and LSTM, by the node's name.

    Args:
        model: an exported graph; no two of its nodes have one name.

    Raises:
        ExportError: ONNX Runtime refuses the graph.
    """
    counted = [node for node in model.graph.node if node.op_type in _COUNTED]
    shapes = _shapes(model, counted)
    return {node.name: _multiply_adds(node, shapes) for node in counted}


def _multiply_adds(node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    result, weight = shapes[node.output[0]], shapes[node.input[1]]
    if node.op_type == "Conv":
        return prod(result) * prod(weight[1:])  # (outputs, inputs a group, height, width)
    if node.op_type == "ConvTranspose":  # (inputs, outputs a group, height, width)
        return prod(shapes[node.input[0]]) * prod(weight[1:])
    if node.op_type == "LSTM":  # (steps, directions, N, hidden); each step multiplies with both matrices
        return result[0] * result[2] * (prod(weight) + prod(shapes[node.input[2]]))
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return prod(result) * weight[-1 if transposed or len(weight) == 1 else -2]


def _shapes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> dict[str, tuple[int, ...]]:
    """Shapes of what these nodes take as second factor, an LSTM as third too, a transposed convolution as first, and of what
    they return, for a batch of one.

    Weights that two nodes share may come to the second one through a node of their own.
    """
    constants = {weight.name: tuple(weight.dims) for weight in model.graph.initializer}
    weights = {name for node in nodes for name in node.input[1 : 3 if node.op_type == "LSTM" else 2]}
    given = {node.input[0] for node in nodes if node.op_type == "ConvTranspose"}
    names = (weights | given | {node.output[0] for node in nodes}) - constants.keys()
    names -= {output.name for output in model.graph.output}
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    exposed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names))
    session = open_session(exposed)
    wanted = [output.name for output in session.get_outputs()]
    return constants | {name: value.shape for name, value in zip(wanted, session.run(wanted, _blank(model)))}


def _blank(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    feed = {}
    for value in model.graph.input:
        kind = value.type.tensor_type
        sides = [size.dim_value or 1 for size in kind.shape.dim]
        feed[value.name] = np.zeros(sides, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    return feed
