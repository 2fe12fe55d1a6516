"""Engines in the store: records, machines and a builder that stand in for real ones."""

from __future__ import annotations

import hashlib
from types import ModuleType

from doubles.plans import make_fake_plan

from edgelpr.bundle.bundle import Bundle
from edgelpr.cuda.facts import DeviceFacts
from edgelpr.engines.building import BuiltPlan
from edgelpr.engines.machine import Machine
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.record import EngineRecord
from edgelpr.engines.storing import StoredEngine, write_engine
from edgelpr.engines.target import Target

ORIN = Target("tensorrt", "10.3.0", "Orin", ("sm87",), "R36.4.3", 8, "Jetson Orin Nano")
ORIN_FACTS = DeviceFacts(0, "Orin", (8, 7), 8 << 30, True, 12060, 8)


def rtx_machine(version: str = "1.7.1.116") -> Machine:
    """TensorRT-RTX on a machine without a GPU."""
    module = ModuleType("tensorrt_rtx")
    module.__version__ = version  # type: ignore[attr-defined]
    return Machine(module, "tensorrt-rtx")


def record_of(bundle: Bundle, plan: bytes, target: Target = ORIN, **changes: object) -> EngineRecord:
    """The record of a plan of the bundle's fp32 graph."""
    values = {
        "target": target,
        "precision": "fp32",
        "graph_file": "fp32.onnx",
        "graph_sha256": bundle.manifest.files["fp32.onnx"].sha256,
        "plan_sha256": hashlib.sha256(plan).hexdigest(),
        "plan_bytes": len(plan),
        "options": BuildOptions(),
        "driver_version": 12060,
        "edgelpr_version": "0.1.0",
        "built": "2025-01-31T12:00:00Z",
        "seconds": 1.5,
    }
    return EngineRecord(**(values | changes))  # type: ignore[arg-type]


def store(bundle: Bundle, plan: bytes = b"a plan", target: Target = ORIN, **changes: object) -> StoredEngine:
    """Put an engine into the store."""
    return write_engine(bundle, plan, record_of(bundle, plan, target, **changes))


def fake_build(module, backend, request, surroundings, progress) -> BuiltPlan:
    """What ``build_plan`` would give, at once."""
    return BuiltPlan(make_fake_plan(request.graph, batches=list(request.options.batches)), None, 0.25, ("a note",))
