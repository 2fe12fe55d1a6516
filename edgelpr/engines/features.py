"""What the TensorRT at hand can do, found by looking for the attribute, never by comparing version strings.

A test reads the code of this package and of the backends: an attribute of TensorRT that not every supported version has is
refused there unless ``hasattr`` or ``getattr`` asked for it first.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from edgelpr.engines.modules import NAMES, version_of
from edgelpr.errors import UsageError
from edgelpr.types import EngineBackend, HardwareCompatibility

_LEVELS: dict[HardwareCompatibility, str] = {
    "none": "NONE",
    "ampere-plus": "AMPERE_PLUS",
    "same-compute-capability": "SAME_COMPUTE_CAPABILITY",
}


def in_words(module: ModuleType, backend: EngineBackend) -> str:
    """Name and version for messages: ``TensorRT 10.3.0``."""
    return f"{NAMES[backend]} {version_of(module)}"


def can_type_strongly(module: ModuleType) -> bool:
    """Whether the types in the ONNX file decide the precision; False for TensorRT 8.6."""
    return hasattr(module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED")


def has_precision_flags(module: ModuleType) -> bool:
    """Whether the builder can be told which precisions it may use; gone in TensorRT 11."""
    return hasattr(module.BuilderFlag, "FP16")


def has_implicit_ranges(module: ModuleType) -> bool:
    """Whether int8 on a DLA wants ranges through a calibrator instead of Q/DQ nodes; gone in TensorRT 11."""
    return hasattr(module, "IInt8Calibrator")


def has_monitor(module: ModuleType) -> bool:
    """Whether a build reports its progress and can be stopped; False for TensorRT 8.6."""
    return hasattr(module, "IProgressMonitor")


def device_memory(engine: Any) -> int:
    """Bytes of device memory that an inference of a loaded engine works in; TensorRT 10 counts them anew, 11 only so."""
    newer = getattr(engine, "device_memory_size_v2", None)
    return int(engine.device_memory_size if newer is None else newer)


def network_flags(module: ModuleType, strongly_typed: bool) -> int:
    """The bits for ``create_network``; a weakly typed network of an old TensorRT has to be told that it names its batch."""
    name = "STRONGLY_TYPED" if strongly_typed else "EXPLICIT_BATCH"
    flag = getattr(module.NetworkDefinitionCreationFlag, name, None)
    return 0 if flag is None else 1 << int(flag)


def targets_of(module: ModuleType) -> tuple[str, ...]:
    """Compute capabilities that it builds for without such a GPU: ``sm86``, ...; empty for TensorRT proper."""
    members = getattr(getattr(module, "ComputeCapability", None), "__members__", {})
    return tuple(name.lower() for name in members if name.startswith("SM"))


def compute_capability(module: ModuleType, target: str) -> Any:
    """The member of ``ComputeCapability`` for a target such as ``sm86``.

    Raises:
        UsageError: it has none; the message lists those it has.
    """
    capabilities = getattr(module, "ComputeCapability", None)
    if capabilities is None or target not in targets_of(module):
        known = ", ".join(targets_of(module)) or "the GPU that it runs on"
        raise UsageError(f"target '{target}' is unknown to this TensorRT; it builds for {known}")
    return getattr(capabilities, target.upper())


def compatibility_level(module: ModuleType, wanted: HardwareCompatibility) -> Any:
    """The member of ``HardwareCompatibilityLevel`` for a choice.

    Raises:
        UsageError: this version does not know it.
    """
    level = getattr(module.HardwareCompatibilityLevel, _LEVELS[wanted], None)
    if level is None:
        raise UsageError(
            f"--hardware-compatible {wanted} is unknown to TensorRT {version_of(module)}; it knows: "
            + ", ".join(choice for choice, name in _LEVELS.items() if hasattr(module.HardwareCompatibilityLevel, name))
        )
    return level
