"""Finding one's way in an ONNX graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, shape_inference


class GraphIndex:
    """Who makes a tensor and who takes it; true until the graph is changed.

    Args:
        model: with one graph and no subgraphs, as our exports are.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.constants: dict[str, onnx.TensorProto] = {constant.name: constant for constant in model.graph.initializer}
        """Initialisers by name."""
        self.makers: dict[str, onnx.NodeProto] = {name: node for node in model.graph.node for name in node.output}
        """The node behind each computed tensor."""
        self._takers: dict[str, list[onnx.NodeProto]] = {}
        for node in model.graph.node:
            for name in dict.fromkeys(node.input):
                self._takers.setdefault(name, []).append(node)
        self.results = {output.name for output in model.graph.output}
        """Outputs of the graph."""

    def takers(self, tensor: str) -> list[onnx.NodeProto]:
        """The nodes that take a tensor, in the order of the graph."""
        return self._takers.get(tensor, [])

    def only_taker(self, tensor: str) -> onnx.NodeProto | None:
        """The one node that takes a tensor, unless it is also an output of the graph or others take it too."""
        takers = self.takers(tensor)
        return takers[0] if len(takers) == 1 and tensor not in self.results else None

    def constant(self, tensor: str) -> NDArray[Any] | None:
        """The values of an initialiser; None for anything else."""
        found = self.constants.get(tensor)
        return None if found is None else numpy_helper.to_array(found)

    def behind(self, tensors: Iterable[str], stops: Collection[str] = ()) -> list[onnx.NodeProto]:
        """The nodes that tensors depend on, nearest first, each once.

        Args:
            tensors: where to begin.
            stops: operators that are not entered: neither they nor what only they depend on is among the nodes.
        """
        waiting, found, seen = list(tensors), list[onnx.NodeProto](), set[str]()
        while waiting:
            node = self.makers.get(waiting.pop())
            if node is not None and node.op_type not in stops and node.output[0] not in seen:
                seen.add(node.output[0])
                found.append(node)
                waiting.extend(node.input)
        return found


def infer_values(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """What shape inference knows of every input, output and inner tensor."""
    graph = shape_inference.infer_shapes(model).graph
    return [*graph.value_info, *graph.input, *graph.output]


def sizes_of(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Sizes of the tensors that shape inference knows, by name; 0 for a side that depends on the batch."""
    return {value.name: tuple(side.dim_value for side in value.type.tensor_type.shape.dim) for value in infer_values(model)}


def opset_of(model: onnx.ModelProto) -> int:
    """Version of the standard operators."""
    versions: list[int] = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    return max(versions)


def replace_nodes(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Give a graph other nodes, in place, and drop the initialisers that nothing takes any more.

    Args:
        model: its graph.
        nodes: in an order in which each comes after what it takes.
    """
    kept = list(nodes)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    taken = {name for node in kept for name in node.input} | {output.name for output in model.graph.output}
    constants = [constant for constant in model.graph.initializer if constant.name in taken]
    del model.graph.initializer[:]
    model.graph.initializer.extend(constants)


def in_order(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Nodes sorted so that each comes after what it takes; what is ready first stays first."""
    waiting = list(nodes)
    ready = {"", *(item.name for item in model.graph.input), *(item.name for item in model.graph.initializer)}
    ordered: list[onnx.NodeProto] = []
    while waiting:
        behind = []
        for node in waiting:
            if all(name in ready for name in node.input):
                ordered.append(node)
                ready.update(node.output)
            else:
                behind.append(node)
        if len(behind) == len(waiting):
            raise ValueError(f"the graph has a circle around {behind[0].name}")
        waiting = behind
    return ordered


def add_constant(model: onnx.ModelProto, name: str, values: NDArray[Any]) -> str:
    """Add an initialiser, in place; its name."""
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name))
    return name
