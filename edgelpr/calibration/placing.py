"""Where the INT8 files round: which nodes compute in INT8, and which tensors are rounded for them.

The same decisions serve both files: what reads the picture, what is too small to gain anything and what decides between
classes stays in float. How the tensors around a node are treated depends on the engine; see ``schemes``. Ours, after the
placement that TensorRT's documentation asks for and that ONNX Runtime's optimiser recognises.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod

import onnx

from edgelpr.calibration.graphs import GraphIndex, sizes_of
from edgelpr.calibration.schemes import Scheme

WEIGHTED = ("Conv", "Gemm", "MatMul")
"""Operators with a constant second factor."""

_MOVES = ("Reshape", "Transpose", "Unsqueeze", "Slice", "Split", "MaxPool")
"""What passes values on as they are."""

_FEWEST_CHANNELS = 4
"""A convolution of fewer planes than this takes the picture; INT8 units work on at least four channels at a time."""

_FEWEST_ROWS, _FEWEST_OUTPUTS = 16, 16
"""A matrix product behind the last convolution is rounded from so many rows of a sample and so many outputs on: the columns of
a track's frames go through such layers, where the layers of a recurrence and of a quality score see one row, or a few."""


@dataclass(frozen=True)
class Placement:
    """What is rounded in a graph."""

    nodes: tuple[str, ...]
    """Nodes with weights that compute in INT8, in order."""

    tensors: Mapping[str, str]
    """Each tensor that is rounded, and the one whose range it is rounded with: itself, or the one it only passes on."""


def place(model: onnx.ModelProto, scheme: Scheme, keep: Collection[str] = ()) -> Placement:
    """Decide what is rounded.

    Args:
        model: an exported fp32 graph.
        scheme: of the file.
        keep: nodes that stay in float.
    """
    placer = _Placer(model, scheme, frozenset(keep))
    return Placement(tuple(node.name for node in placer.nodes if node.op_type in WEIGHTED), placer.tensors)


def quantisable_nodes(model: onnx.ModelProto, scheme: Scheme) -> tuple[str, ...]:
    """Names of the nodes with weights that a file would compute in INT8, in order; each can be kept in float instead."""
    return place(model, scheme).nodes


class _Placer:
    def __init__(self, model: onnx.ModelProto, scheme: Scheme, keep: frozenset[str]) -> None:
        self._scheme, self._index = scheme, GraphIndex(model)
        self._sizes = sizes_of(model)
        # What lies between the last convolutions and the outputs decides between classes.
        self._tail = {node.name for node in self._index.behind(self._index.results, stops=("Conv",))}
        self.nodes = [
            node
            for node in model.graph.node
            if node.op_type in scheme.operators and node.name not in keep and self._worthwhile(node)
        ]
        self.tensors: dict[str, str] = {}
        self._round_inputs()
        if scheme.round_results:
            self._round_results()
            self._follow_moves(model)
        else:
            self._round_skips()

    def _worthwhile(self, node: onnx.NodeProto) -> bool:
        if node.name in self._tail and not self._takes_many_rows(node):
            return False
        if node.op_type in ("Add", "Mul"):
            return not any(name in self._index.constants for name in node.input)
        if node.op_type == "MaxPool":
            return True
        weight = self._index.constants.get(node.input[1])
        sides: list[int] = [] if weight is None else list(weight.dims)
        if node.op_type == "Conv":
            large = self._scheme.small_layers or (sides[1] >= _FEWEST_CHANNELS and self._is_map(node.output[0]))
            return len(sides) == 4 and large
        return len(sides) == 2

    def _takes_many_rows(self, node: onnx.NodeProto) -> bool:
        """Whether a product with constants has rows and outputs enough, as a rounded layer behind all convolutions must."""
        if node.op_type not in ("Gemm", "MatMul") or node.input[1] not in self._index.constants:
            return False
        maker = self._index.makers.get(node.input[0])
        laid_out = maker is not None and node.op_type == "Gemm" and maker.op_type == "Reshape"
        rows = self._sizes.get(maker.input[0] if maker is not None and laid_out else node.input[0], ())[1:-1]
        result = self._sizes.get(node.output[0], (0,))
        return len(rows) > 0 and prod(rows) >= _FEWEST_ROWS and result[-1] >= _FEWEST_OUTPUTS

    def _is_map(self, tensor: str) -> bool:
        """Whether a tensor has places, not just channels as in a gate: there is nothing to gain on those."""
        sides = self._sizes.get(tensor, ())
        return len(sides) < 4 or prod(sides[-2:]) != 1

    def _round_inputs(self) -> None:
        for node in self.nodes:
            for name in node.input[:1] if node.op_type in WEIGHTED else node.input:
                self.tensors[name] = name

    def _round_results(self) -> None:
        for node in self.nodes:
            if node.name in self._tail:  # what comes next is float, and kernels of such products can return it
                continue
            result = node.output[0]
            taker = self._index.only_taker(result)
            name = taker.output[0] if taker is not None and taker.op_type == "Relu" else result
            if name not in self._index.results:
                self.tensors[name] = name

    def _follow_moves(self, model: onnx.ModelProto) -> None:
        """What passes a rounded tensor on is done in INT8 too, at the same scale."""
        for node in model.graph.node:
            if node.op_type in _MOVES and node.input[0] in self.tensors:
                for name in node.output:
                    if name not in self._index.results:
                        self.tensors[name] = self.tensors[node.input[0]]

    def _round_skips(self) -> None:
        """Of two convolutions that are added the smaller one's result is rounded, so that the other takes the sum in."""
        rounded = {node.output[0]: node for node in self.nodes if node.op_type == "Conv"}
        for maker in [node for node in self._index.makers.values() if node.op_type == "Add"]:
            if all(name in rounded for name in maker.input):
                name = min(maker.input, key=lambda each: prod(self._index.constants[rounded[each].input[1]].dims))
                self.tensors[name] = name
