"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edgelpr import __version__

_PACKAGES = (
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python-headless",
    "opencv-python",
    "torch",
    "tensorrt",
    "tensorrt-rtx",
    "cuda-bindings",
    "pycuda",
)
_INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "asimd", "asimddp", "sve")
_QUIET = 0.5


def describe_machine() -> dict[str, Any]:
    """Processor, system, versions and load, as plain values for a result."""
    return {
        "processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "instructions": [name for name in _INSTRUCTIONS if name in (_cpuinfo("flags") or _cpuinfo("Features") or "").split()],
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "edgelpr": __version__,
        "versions": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
        "load_before": load(),
    }


def load() -> float | None:
    """Processes that want the processor, averaged over the last minute; None where the system does not tell."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def busy() -> bool:
    """Whether something else keeps the processor busy, so that times taken now cannot be trusted."""
    now = load()
    return now is not None and now > _QUIET


def _cpuinfo(key: str) -> str | None:
    """What Linux says of the first processor; None elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    values = [line.split(":", 1)[1].strip() for line in lines if line.startswith(key)]
    return values[0] if values else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
