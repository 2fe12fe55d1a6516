"""The layers of a graph that are rounded, one by one or in groups by the module that their weights belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from edgelpr.export.counting import count_multiply_adds_by_node

MOST_UNITS = 24
"""Layers beyond this number are measured in groups: each is measured twice, and the table has to be read by people."""

_WRAPPER = "network."


@dataclass(frozen=True)
class Layer:
    """One node with weights, or several that belong together."""

    name: str
    """Module of the weights, for people, for example ``context.backbone.layer2``."""

    nodes: tuple[str, ...]
    """Names of the nodes, in the order of the graph."""

    multiply_adds: int
    """Of one crop."""


def find_layers(model: onnx.ModelProto, nodes: Sequence[str]) -> tuple[Layer, ...]:
    """A layer for each node.

    Args:
        model: an exported graph.
        nodes: names of nodes with a constant second factor, in the order of the graph.
    """
    work = count_multiply_adds_by_node(model)
    weights = {node.name: node.input[1] for node in model.graph.node if node.name in nodes}
    names = [_module(weights[node], node) for node in nodes]
    unique = [name if names.count(name) == 1 else f"{name} ({node})" for name, node in zip(names, nodes)]
    return tuple(Layer(name, (node,), work[node]) for name, node in zip(unique, nodes))


def group_layers(layers: Sequence[Layer], most: int = MOST_UNITS) -> tuple[Layer, ...]:
    """Layers joined by the longest beginnings of their names that give no more than ``most`` groups.

    Args:
        layers: as ``find_layers`` gives them.
        most: groups to have at most; where even the first parts of the names are more, a group for each of these.
    """
    depths = range(max(len(layer.name.split(".")) for layer in layers), 0, -1)
    for depth in depths:
        groups: dict[str, list[Layer]] = {}
        for layer in layers:
            groups.setdefault(".".join(layer.name.split(".")[:depth]), []).append(layer)
        if len(groups) <= most and (len(groups) < len(layers) or depth == 1):
            break
    return tuple(_joined(name, members) for name, members in groups.items())


def _joined(name: str, members: Sequence[Layer]) -> Layer:
    nodes = tuple(node for member in members for node in member.nodes)
    return Layer(name, nodes, sum(member.multiply_adds for member in members))


def _module(weight: str, node: str) -> str:
    """The module that a weight belongs to; the node's name where the export gave the weight a name of its own."""
    module, _, last = weight.rpartition(".")
    if not module:
        return node
    while module.startswith(_WRAPPER):
        module = module.removeprefix(_WRAPPER)
    return module if last == "weight" else f"{module}.{last}"
