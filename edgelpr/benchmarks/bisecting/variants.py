"""Graphs in which some layers compute in reduced precision and the others in a higher one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import onnx

from edgelpr.benchmarks.bisecting.following import followers
from edgelpr.calibration.attention import attend_early
from edgelpr.calibration.graphs import GraphIndex
from edgelpr.calibration.half import deciding_nodes, to_half
from edgelpr.calibration.placing import WEIGHTED, quantisable_nodes
from edgelpr.calibration.quantising import quantise
from edgelpr.calibration.record import CalibrationRecord
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.types import Int8File


@dataclass(frozen=True)
class Variants:
    """Every graph that a reduced file could be."""

    model: onnx.ModelProto
    """The graph in fp32 that is reduced."""

    nodes: tuple[str, ...]
    """Names of the nodes with weights that are reduced unless kept, in order."""

    operators: frozenset[str] | None
    """Operators without weights that are reduced as well; None: all."""

    make: Callable[[Collection[str]], onnx.ModelProto]
    """From the names of all nodes to keep to the graph."""

    def names_to_keep(self, kept: Collection[str]) -> tuple[str, ...]:
        """Names of everything that stays in higher precision when these nodes with weights do, in the order of the graph."""
        together = {*kept, *followers(self.model, self.nodes, kept, self.operators)}
        return tuple(node.name for node in self.model.graph.node if node.name in together)

    def build(self, kept: Collection[str]) -> onnx.ModelProto:
        """The graph that keeps these nodes with weights, and what lies between them, in higher precision."""
        return self.make(self.names_to_keep(kept))


def int8_variants(model: onnx.ModelProto, record: CalibrationRecord, file: Int8File) -> Variants:
    """Those of an INT8 file.

    Args:
        model: the bundle's fp32 graph, with or without the rewrite ``late-attention``.
        record: its calibration.
        file: which of the two.
    """
    early, scheme = attend_early(model), SCHEMES[file]
    return Variants(
        early,
        quantisable_nodes(early, scheme),
        scheme.operators - set(WEIGHTED),
        lambda kept: quantise(early, record.ranges[file], scheme, kept),
    )


def fp16_variants(model: onnx.ModelProto) -> Variants:
    """Those of the fp16 file.

    Args:
        model: the bundle's fp32 graph.
    """
    constants, deciding = GraphIndex(model).constants, deciding_nodes(model)
    nodes = [
        node.name
        for node in model.graph.node
        if node.op_type in WEIGHTED and node.input[1] in constants and node.name not in deciding
    ]
    return Variants(model, tuple(nodes), None, lambda kept: to_half(model, kept))
