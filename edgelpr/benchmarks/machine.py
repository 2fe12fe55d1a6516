"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edgelpr import __version__

_PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "torch")
_QUIET = 0.5


def describe_machine() -> dict[str, Any]:
    """Processor, system, versions and load, as plain values for a result."""
    return {
        "processor": _processor(),
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


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
