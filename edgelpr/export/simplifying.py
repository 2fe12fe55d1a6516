"""Simplifying a graph with onnxsim, which is not trusted: it can fail, grow a graph or change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import onnx

from edgelpr.errors import ExportError, ParityError, require
from edgelpr.export.parity import Check
from edgelpr.export.to_onnx import finish

Outcome = Literal["simplified", "kept", "off"]
"""``kept``: the unsimplified graph was kept, ``Simplification.reason`` says why; ``off``: not asked for."""


@dataclass(frozen=True)
class Simplification:
    """What came of simplifying."""

    outcome: Outcome
    """Which graph is in the bundle."""

    nodes_before: int
    """Nodes as exported."""

    nodes_after: int
    """Nodes of the graph in the bundle."""

    reason: str | None = None
    """Why the unsimplified graph was kept."""


def simplify(
    model: onnx.ModelProto, outcome: Check, opset: int, check: Callable[[onnx.ModelProto], Check]
) -> tuple[onnx.ModelProto, Check, Simplification]:
    """Simplify a graph if that works and changes nothing that shows.

    Args:
        model: as exported.
        outcome: what ``check`` found for it.
        opset: which it must keep.
        check: raises ParityError for a graph that differs from the PyTorch network.

    Returns:
        The simplified graph, or the one given; its check; and what happened.
    """
    before = len(model.graph.node)
    try:
        simplified = _run(model, opset)
        simplified_outcome = check(simplified)
    except Exception as error:  # a simplifier that breaks in a new way must not cost the user the export
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        return model, outcome, Simplification("kept", before, before, reason)
    after = len(simplified.graph.node)
    if after > before:
        return model, outcome, Simplification("kept", before, before, f"onnxsim's graph has more nodes ({after})")
    return simplified, simplified_outcome, Simplification("simplified", before, after)


def _run(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    onnxsim = require("onnxsim", "export", "simplifying the graph")
    simplified, valid = onnxsim.simplify(model)
    if not valid:
        raise ExportError("onnxsim's own check failed")
    if _signature(simplified) != _signature(model):
        raise ParityError("onnxsim changed the graph's inputs or outputs")
    return finish(simplified, opset)


def _signature(model: onnx.ModelProto) -> list[bytes]:
    return [value.SerializeToString(deterministic=True) for value in (*model.graph.input, *model.graph.output)]
