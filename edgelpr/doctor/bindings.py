"""TensorRT's Python bindings that the system has, for whichever Python they were compiled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgelpr.devices.files import folders

_PYTHON = re.compile(r"python(3\.\d+)$")
_TAG = re.compile(r"cpython-3(\d+)|cp3(\d+)")


@dataclass(frozen=True)
class SystemBindings:
    """A package ``tensorrt`` among the system's."""

    folder: Path
    """Where it lies."""

    python: str | None
    """Like ``3.10``; None where neither its folder nor its library names one."""


def find_system_bindings(root: Path) -> tuple[SystemBindings, ...]:
    """What apt installed, as JetPack does: below ``/usr/lib/python3*/dist-packages``."""
    found = folders(root / "usr/lib", "python3*/dist-packages/tensorrt")
    return tuple(SystemBindings(folder, _python_of(folder)) for folder in found)


def _python_of(folder: Path) -> str | None:
    by_folder = _PYTHON.search(folder.parent.parent.name)
    if by_folder is not None:
        return by_folder[1]
    tags = [_TAG.search(library.name) for library in folders(folder, "tensorrt*.so")]
    minors = [tag[1] or tag[2] for tag in tags if tag is not None]
    return f"3.{minors[0]}" if minors else None
