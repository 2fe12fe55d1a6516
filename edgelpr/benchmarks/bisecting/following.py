"""What lies between layers and has to stay in float with them.

What a layer in float returns would be rounded at once if the addition behind it computed in INT8: keeping the layer alone
would gain little. So what directly follows a kept layer is kept too, and what only kept layers feed. Ours.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import onnx

_Made = Literal["layer", "kept", "rounded"]
_PASSING = ("Relu", "Reshape", "Transpose", "Unsqueeze", "Slice", "Split", "MaxPool")


def followers(
    model: onnx.ModelProto, layers: Collection[str], kept: Collection[str], operators: Collection[str] | None
) -> tuple[str, ...]:
    """Names of the nodes without weights that stay in higher precision with the kept layers, in order.

    Args:
        model: the graph.
        layers: names of all nodes with weights that could be reduced.
        kept: those that are not.
        operators: operators without weights that are reduced; None: all of them.
    """
    reduced = [
        node for node in model.graph.node if node.name not in layers and (operators is None or node.op_type in operators)
    ]
    if not kept:
        return ()
    if set(kept) >= set(layers):
        return tuple(node.name for node in reduced)
    return _Follower(model, frozenset(layers), frozenset(kept), {node.name for node in reduced}).follow()


class _Follower:
    def __init__(self, model: onnx.ModelProto, layers: frozenset[str], kept: frozenset[str], reduced: set[str]) -> None:
        self._model, self._layers, self._kept, self._reduced = model, layers, kept, reduced
        self._made: dict[str, _Made] = {}
        """How each tensor came about; absent: in float whatever is kept."""

    def follow(self) -> tuple[str, ...]:
        followed = []
        for node in self._model.graph.node:
            made = self._how(node)
            if made is not None:
                self._made.update(dict.fromkeys(node.output, made))
            if made in ("layer", "kept") and node.name in self._reduced:
                followed.append(node.name)
        return tuple(followed)

    def _how(self, node: onnx.NodeProto) -> _Made | None:
        if node.name in self._layers:
            return "layer" if node.name in self._kept else "rounded"
        sources = [self._made[name] for name in node.input if name in self._made]
        if node.op_type in _PASSING:
            return sources[0] if sources else None
        if node.name not in self._reduced:
            return None
        if "layer" in sources or (sources and "rounded" not in sources):
            return "kept"
        return "rounded"
