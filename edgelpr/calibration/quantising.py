"""From an fp32 graph and ranges to an INT8 graph of QuantizeLinear and DequantizeLinear pairs.

The pairs say what is rounded and how; the engine then computes what lies between them in INT8. The standard operators
alone are used, so that every engine reads the files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgelpr.calibration.graphs import GraphIndex, add_constant, in_order, replace_nodes
from edgelpr.calibration.placing import WEIGHTED, place
from edgelpr.calibration.ranges import Range
from edgelpr.calibration.schemes import Scheme
from edgelpr.errors import CalibrationError


def quantise(
    model: onnx.ModelProto, ranges: Mapping[str, Range], scheme: Scheme, keep: Collection[str] = ()
) -> onnx.ModelProto:
    """Round a graph.

    Args:
        model: exported in fp32; left as it is.
        ranges: of every tensor that is rounded.
        scheme: of the file.
        keep: names of nodes that stay in float.

    Returns:
        A copy with the same inputs and outputs; what is not rounded is still fp32.

    Raises:
        CalibrationError: a range is missing: the record is of another graph.
    """
    quantised = onnx.ModelProto()
    quantised.CopyFrom(model)
    _Quantiser(quantised, ranges, scheme).apply(keep)
    return quantised


class _Quantiser:
    def __init__(self, model: onnx.ModelProto, ranges: Mapping[str, Range], scheme: Scheme) -> None:
        self._model, self._ranges, self._scheme = model, ranges, scheme
        self._index = GraphIndex(model)
        self._added: list[onnx.NodeProto] = []
        self._scales: dict[str, np.float32] = {}

    def apply(self, keep: Collection[str]) -> None:
        placement = place(self._model, self._scheme, keep)
        rounded = {tensor: self._round_tensor(tensor, source) for tensor, source in placement.tensors.items()}
        for node in self._model.graph.node:
            original = list(node.input)
            for position, name in enumerate(original):
                node.input[position] = rounded.get(name, name)
            if node.name in placement.nodes:
                self._round_weights(node, original)
            elif node.op_type in WEIGHTED and original[0] in rounded and self._scheme.round_results:
                node.input[0] = self._shield(node, original[0], placement.tensors[original[0]])
        nodes = [*self._model.graph.node, *self._added]
        taken = {name for node in nodes for name in node.input}
        added = [node for node in self._added if node.output[0] in taken]  # whoever took a pair may have its own
        replace_nodes(self._model, in_order(self._model, [*self._model.graph.node, *added]))

    def _round_tensor(self, tensor: str, source: str) -> str:
        """Add a pair behind a tensor; the name of what comes out of it."""
        if source not in self._ranges:
            raise CalibrationError(
                f"the calibration has no range for the tensor '{source}': it is of another graph; run edgelpr calibrate again"
            )
        scale, zero = self._scheme.activation(self._ranges[source])
        self._scales[tensor] = scale
        parameters = [self._constant(tensor, "scale", np.asarray(scale)), self._constant(tensor, "zero", np.asarray(zero))]
        self._node("QuantizeLinear", [tensor, *parameters], f"{tensor}.int8")
        return self._node("DequantizeLinear", [f"{tensor}.int8", *parameters], f"{tensor}.rounded")

    def _shield(self, node: onnx.NodeProto, tensor: str, source: str) -> str:
        """What comes out of a pair, for a layer that is kept in float; a scale a channel, although all are the same.

        Between rounded tensors ONNX Runtime (1.31, its optimiser WeightBiasQuantization) rounds float weights as well, all
        with one scale, unless what comes in has more than one.
        """
        weight = self._index.constants.get(node.input[1])
        if weight is None:
            return f"{tensor}.rounded"
        groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
        channels = weight.dims[1] * groups if node.op_type == "Conv" else weight.dims[1 - _output_axis(node)]
        values = zip(("scale", "zero"), self._scheme.activation(self._ranges[source]))
        label = f"{node.name}.input"
        parameters = [self._constant(label, what, np.full(channels, value)) for what, value in values]
        axis = 1 if node.op_type == "Conv" else -1
        return self._node("DequantizeLinear", [f"{tensor}.int8", *parameters], f"{label}.rounded", axis=axis)

    def _round_weights(self, node: onnx.NodeProto, original: list[str]) -> None:
        name = node.input[1]
        values = self._index.constant(name)
        assert values is not None  # place() chose it
        axis = _output_axis(node)
        rounded, scales = self._scheme.weight(np.moveaxis(values, axis, 0))
        # Biases of a rounded layer come in its own units, so a weight shared by two layers is rounded once for each.
        label = f"{node.name}.weight"
        parameters = [self._constant(label, "scale", scales), self._constant(label, "zero", np.zeros(len(scales), np.int8))]
        if self._scheme.round_bias:
            source = self._constant(label, "int8", np.moveaxis(rounded, 0, axis))
        else:  # TensorRT wants the pair, and rounds the weights itself
            source = self._node("QuantizeLinear", [name, *parameters], f"{label}.int8", axis=axis)
        node.input[1] = self._node("DequantizeLinear", [source, *parameters], f"{label}.rounded", axis=axis)
        if self._scheme.round_bias and len(node.input) > 2:
            node.input[2] = self._round_bias(node, self._scales[original[0]] * scales)

    def _round_bias(self, node: onnx.NodeProto, scales: NDArray[np.float32]) -> str:
        values = self._index.constant(node.input[2])
        if values is None:
            return str(node.input[2])
        label, limit = f"{node.name}.bias", np.iinfo(np.int32)
        rounded = np.rint(values / scales.astype(np.float64)).clip(limit.min, limit.max).astype(np.int32)
        inputs = [
            self._constant(label, "int32", rounded),
            self._constant(label, "scale", scales),
            self._constant(label, "zero", np.zeros(len(scales), np.int32)),
        ]
        return self._node("DequantizeLinear", inputs, f"{label}.rounded", axis=0)

    def _constant(self, label: str, what: str, values: NDArray[Any]) -> str:
        return add_constant(self._model, f"{label}.{what}", values)

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._added.append(helper.make_node(kind, inputs, [output], name=f"{output}.node", **attributes))
        return output


def _output_axis(node: onnx.NodeProto) -> int:
    """Which axis of the weights runs over the outputs."""
    if node.op_type == "Conv":
        return 0
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if node.op_type == "Gemm" and transposed else 1
