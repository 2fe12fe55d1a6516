"""Approvals, and a bundle with an int8 graph, for tests of what may read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from edgelpr.bundle.approval import Approval
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.updating import update_bundle
from edgelpr.types import Precision


def approval_of(graph: bytes, precision: Precision, **changes: Any) -> Approval:
    """An approval of a graph file with this content on ONNX Runtime: 1 plate of 100 lost, which was allowed."""
    plates = changes.get("plates", 100)
    values: dict[str, Any] = {
        "precision": precision,
        "backend": "onnxruntime",
        "graph_sha256": hashlib.sha256(graph).hexdigest(),
        "approved": True,
        "plates": plates,
        "correct": plates - 2,
        "correct_fp32": plates - 1,
        "evidence": changes.get("correct_fp32", plates - 1),
        "loss_points": 1.0,
        "loss_interval": (0.0, 2.5),
        "max_loss": 1.5,
        "data_sha256": "d" * 64,
        "instruction_set": "x86-64 avx512-vnni",
        "portable": False,
        "device": "CPU",
        "least_plates": 64,
        "selected": False,
        "runtime": "onnxruntime 1.0 CPUExecutionProvider, 1 thread",
    }
    return Approval(**(values | changes))


def add_int8(bundle: Bundle) -> Bundle:
    """The bundle with ``int8-cpu.onnx``: the fp32 graph under another hash."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bundle.file("fp32.onnx"))
    model.doc_string = "int8"
    graph = replace(bundle.graph("fp32"), file="int8-cpu.onnx", precision="int8", made_for="cpu")
    manifest = replace(bundle.manifest, graphs=(*bundle.manifest.graphs, graph))
    return update_bundle(bundle, manifest, {graph.file: model.SerializeToString()})
