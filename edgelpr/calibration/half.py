"""From an fp32 graph to one that computes in fp16, every tensor's type written down, as TensorRT's strong typing wants it.

What decides between classes stays in fp32, as do inputs and outputs, and whatever node is kept: it costs nothing there,
and an exponential of half precision would blur confidences. Works on graphs with QuantizeLinear and DequantizeLinear
pairs, whose scales then are fp16 too. Ours.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgelpr.calibration.graphs import GraphIndex, in_order, infer_values, replace_nodes
from edgelpr.errors import CalibrationError

HALF_SCALES_OPSET = 19
"""From this version of the operators on scales may be fp16; before it, TensorRT decides types itself (8.6)."""

_LARGEST = float(np.finfo(np.float16).max)
_SMALLEST = np.finfo(np.float16).smallest_subnormal
_STOPS = ("Conv", "MatMul", "Gemm")
_ALWAYS_FLOAT = {"Resize": (1, 2)}
"""Inputs that the operator takes in fp32 whatever the others are."""

_MOVES = ("Reshape", "Transpose", "Slice", "Split", "Unsqueeze", "Squeeze", "Gather", "Pad", "Concat", "Identity", "Cast")
"""What hands values on; an engine sees through it."""

_MADE_OF_NOTHING = ("Constant", "ConstantOfShape")
"""Whose attribute ``value`` decides the type of the result."""

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


def to_half(model: onnx.ModelProto, keep: Collection[str] = ()) -> onnx.ModelProto:
    """A copy that computes in fp16.

    Args:
        model: fp32, perhaps with rounded tensors; left as it is.
        keep: names of nodes that stay in fp32. What takes their results stays with them: TensorRT-RTX (1.7) computes a lone
            fp32 node between casts in fp16 again, without a word.

    Raises:
        CalibrationError: a weight that fp16 cannot hold.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    _Halver(half, _with_takers(half, keep) | deciding_nodes(half)).apply()
    return half


def _with_takers(model: onnx.ModelProto, keep: Collection[str]) -> frozenset[str]:
    """Names of nodes, and of those that take their results, up to the first that does more than hand them on."""
    index, names = GraphIndex(model), set(keep)
    waiting = [name for node in model.graph.node if node.name in keep for name in node.output]
    while waiting:
        for taker in index.takers(waiting.pop()):
            if taker.op_type in _MOVES and taker.name not in names:
                waiting.extend(taker.output)
            names.add(taker.name)
    return frozenset(names)


def deciding_nodes(model: onnx.ModelProto) -> frozenset[str]:
    """Names of the nodes after the last convolutions and matrix products: softmax, arg max and the like."""
    index = GraphIndex(model)
    return frozenset(node.name for node in index.behind(index.results, _STOPS))


class _Halver:
    def __init__(self, model: onnx.ModelProto, kept: frozenset[str]) -> None:
        self._model, self._kept = model, kept
        self._index = GraphIndex(model)
        self._types = _types(model)
        """Element type of each tensor as it is now; those that are no floats stay as they are."""
        self._made: dict[tuple[str, int], str] = {}
        self._added: list[onnx.NodeProto] = []

    def apply(self) -> None:
        nodes = list(self._model.graph.node)
        wanted = {node.name: TensorProto.FLOAT if node.name in self._kept else TensorProto.FLOAT16 for node in nodes}
        actual = self._types | {
            name: wanted[node.name] for node in nodes for name in node.output if self._types.get(name) in _FLOATS
        }
        for node in nodes:
            self._settle(node, wanted[node.name])
            for position, name in enumerate(node.input):
                kind = TensorProto.FLOAT if position in _ALWAYS_FLOAT.get(node.op_type, ()) else wanted[node.name]
                if actual.get(name) in _FLOATS and actual[name] != kind and node.op_type != "Cast":
                    node.input[position] = self._as(name, kind)
        for output in self._model.graph.output:
            if actual.get(output.name) == TensorProto.FLOAT16:
                self._return_float(output.name)
        replace_nodes(self._model, in_order(self._model, [*self._model.graph.node, *self._added]))

    def _settle(self, node: onnx.NodeProto, kind: int) -> None:
        """Types that a node carries itself."""
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in _FLOATS:
                attribute.i = kind
            if node.op_type in _MADE_OF_NOTHING and attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(self._converted(attribute.t, attribute.t.name, kind))

    def _as(self, name: str, kind: int) -> str:
        """The tensor in another float type: a converted constant, or a cast; one for all who need it."""
        if (name, kind) not in self._made:
            label = f"{name}.{'half' if kind == TensorProto.FLOAT16 else 'single'}"
            constant = self._index.constants.get(name)
            if constant is not None:
                self._model.graph.initializer.append(self._converted(constant, label, kind))
            else:
                self._added.append(helper.make_node("Cast", [name], [label], name=f"{label}.cast", to=kind))
            self._made[name, kind] = label
        return self._made[name, kind]

    def _converted(self, constant: onnx.TensorProto, name: str, kind: int) -> onnx.TensorProto:
        values = numpy_helper.to_array(constant)
        if kind == TensorProto.FLOAT16:
            if np.abs(values).max(initial=0) > _LARGEST:
                raise CalibrationError(
                    f"the weight '{constant.name}' holds {np.abs(values).max():.3g}, beyond the {_LARGEST:g} of fp16; keep the "
                    "node that takes it in fp32, or train with weight decay"
                )
            halved = values.astype(np.float16)
            if self._is_scale(constant.name):  # a scale of 0 would divide by it
                halved = np.maximum(halved, _SMALLEST)
            values = halved
        return numpy_helper.from_array(np.asarray(values), name)

    def _is_scale(self, name: str) -> bool:
        return any(
            node.op_type in ("QuantizeLinear", "DequantizeLinear") and node.input[1] == name
            for node in self._index.takers(name)
        )

    def _return_float(self, name: str) -> None:
        """Outputs of the graph stay fp32: what made one makes its half, which is cast."""
        inner = f"{name}.inner"
        for node in self._model.graph.node:
            for names in (node.output, node.input):
                for position, each in enumerate(names):
                    if each == name:
                        names[position] = inner
        for node in self._added:
            for position, each in enumerate(node.input):
                if each == name:
                    node.input[position] = inner
        self._added.append(helper.make_node("Cast", [inner], [name], name=f"{name}.cast", to=TensorProto.FLOAT))


def _types(model: onnx.ModelProto) -> dict[str, int]:
    """Element type of every tensor, by inference."""
    types = {constant.name: int(constant.data_type) for constant in model.graph.initializer}
    return types | {value.name: int(value.type.tensor_type.elem_type) for value in infer_values(model)}
