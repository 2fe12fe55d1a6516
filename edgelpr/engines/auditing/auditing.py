"""Looking into a plan right after it was built: by the inspector where a GPU is there, else by what the builder said."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from edgelpr.engines.auditing.asked import asked_nodes
from edgelpr.engines.auditing.audit import EngineAudit, audit_layers
from edgelpr.engines.auditing.inspecting import inspect_engine
from edgelpr.engines.auditing.logged import logged_layers, logged_memory
from edgelpr.engines.features import device_memory
from edgelpr.engines.loading import create_runtime
from edgelpr.engines.speaking import Said, create_log
from edgelpr.errors import BuildError
from edgelpr.types import Precision


def audit_plan(
    module: ModuleType, plan: bytes, graph: bytes, precision: Precision, batch: int, host_code: bool = False
) -> EngineAudit:
    """Load a plan that was just built and count what its layers compute in. Only where a GPU answers.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``.
        plan: the plan.
        graph: the ONNX file it was built from.
        precision: of the graph.
        batch: the usual batch of its profile; layers are those for it.
        host_code: whether the plan carries code for the processor, as version-compatible plans do.

    Raises:
        BuildError: TensorRT cannot load what it built, or does not say what is in it.
        DeviceError: CUDA does not start.
    """
    said = Said()
    log = create_log(module, said)  # TensorRT keeps a bare pointer to it
    runtime = create_runtime(module, log, said, host_code)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise BuildError(f"TensorRT cannot load the engine that it has just built: {said.reason}")
    return audit_engine(module, engine, graph, precision, batch)


def audit_engine(module: Any, engine: Any, graph: bytes, precision: Precision, batch: int) -> EngineAudit:
    """As ``audit_plan``, for a plan that is loaded already."""
    layers = inspect_engine(module, engine, batch)
    return audit_layers(layers, asked_nodes(graph, precision), precision, "inspector", device_memory(engine))


def audit_log(log: Sequence[str], graph: bytes, precision: Precision) -> EngineAudit | None:
    """As ``audit_plan``, from what the builder said; None where it said nothing about layers. Of several tables the worst.

    Args:
        log: its messages, verbose ones too.
        graph: the ONNX file.
        precision: of the graph.
    """
    asked, memory = asked_nodes(graph, precision), logged_memory(log)
    audits = [audit_layers(layers, asked, precision, "log", memory) for layers in logged_layers(log)]
    return min(audits, key=_told_share, default=None)


def _told_share(audit: EngineAudit) -> float:
    return 1.0 if audit.share is None else audit.share
