"""What computes with an engine, in the words that verdicts on it go by; known before a byte of the plan is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from edgelpr.engines.record import EngineRecord
from edgelpr.engines.target import Target


@dataclass(frozen=True)
class EngineIdentity:
    """An engine on the GPU that runs it: what ``Approval.device`` and ``Approval.engine_sha256`` hold."""

    device: str
    """As ``device_name`` puts it."""

    engine_sha256: str
    """Hash of the plan: another build may have taken other kernels, which round otherwise."""

    version: str
    """Of the TensorRT that runs it."""

    dla_core: int | None = None
    """The DLA core that computes what it can; None: the GPU computes everything."""


def device_name(here: Target, dla_core: int | None = None) -> str:
    """What computes, down to what may change a sum: ``Orin (8 SMs), TensorRT 10.3.0, DLA 0``.

    Args:
        here: this machine.
        dla_core: that the engine uses.
    """
    dla = "" if dla_core is None else f", DLA {dla_core}"
    return f"{here.named_gpu}, {here.software}{dla}"


def identity_of(here: Target, record: EngineRecord) -> EngineIdentity:
    """An engine as this machine runs it; its version is the one that is here, which a version-compatible plan leaves open.

    Args:
        here: this machine.
        record: of the engine.
    """
    core = record.options.dla_core
    return EngineIdentity(device_name(here, core), record.plan_sha256, here.tensorrt_version, core)
