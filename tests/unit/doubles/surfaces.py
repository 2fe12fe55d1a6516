"""The Python API of real TensorRT versions, taken from their bindings, and doubles held to it.

A double that code under test asks for something that the real version lacks raises AttributeError, as the real one does.
"""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parents[1] / "api_surfaces"
RTX = "1.7.1.116"
TENSORRT = ("8.6.1", "10.3.0", "10.16.1.11", "11.4.0.106")
VERSIONS = (*TENSORRT, RTX)
"""Versions whose surface is committed: JetPack 6.0, JetPack 6.1 and 6.2, desktops, JetPack 7.2; and TensorRT-RTX."""

_SUBCLASSED = ("ILogger", "IProgressMonitor", "IProfiler")  # of which programs make subclasses with attributes of their own


@dataclass(frozen=True)
class Surface:
    """What one version has."""

    version: str
    package: str
    """``tensorrt`` or ``tensorrt_rtx``."""
    top: frozenset[str]
    """Names of the module."""
    classes: Mapping[str, frozenset[str]]
    """Names of the members of each class."""
    enums: Mapping[str, tuple[str, ...]]
    """Members of each enumeration; a nested one under ``Class.Name``."""


@functools.cache
def load_surface(version: str) -> Surface:
    package = "tensorrt_rtx" if version == RTX else "tensorrt"
    found = json.loads((FOLDER / f"{package}-{version}.json").read_text(encoding="utf-8"))
    return Surface(
        found["version"],
        package,
        frozenset(found["top"]),
        {name: frozenset(members) for name, members in found["classes"].items()},
        {name: tuple(members) for name, members in found["enums"].items()},
    )


def restrict(version: str, doubles: Mapping[str, type]) -> ModuleType:
    """A stand-in for the package of one version.

    Args:
        version: one of ``VERSIONS``.
        doubles: classes by TensorRT's name. Attributes that begin with an underscore are theirs; they find the stand-in
            as ``self._module``. A double of a class that this version lacks is left out; a class without a double is there,
            but cannot be made.
    """
    surface = load_surface(version)
    module = ModuleType(surface.package)
    module.__version__ = surface.version  # type: ignore[attr-defined]
    for name, members in surface.enums.items():
        if name in surface.top:
            setattr(module, name, _enumeration(name, members))
    for name in surface.top & set(surface.classes):
        setattr(module, name, _held(surface, name, doubles.get(name, _Absent), module))
    return module


class _Absent:
    def __init__(self, *arguments: Any) -> None:
        raise NotImplementedError(f"no double stands in for {type(self).__name__}")


def _enumeration(name: str, members: tuple[str, ...]) -> enum.EnumMeta:
    return enum.IntEnum(name, {member: value for value, member in enumerate(members)})  # type: ignore[return-value]


def _held(surface: Surface, name: str, double: type, module: ModuleType) -> type:
    """A subclass of a double that has what the real class has, and no more."""
    allowed = surface.classes[name]
    nested = {
        key.split(".")[1]: _enumeration(key.split(".")[1], members)
        for key, members in surface.enums.items()
        if key.startswith(f"{name}.")
    }
    body: dict[str, Any] = {"_module": module, "__doc__": double.__doc__, **nested}
    if name not in _SUBCLASSED:
        body |= {"__getattribute__": _guarded(name, surface, allowed, object.__getattribute__)}
        body |= {"__setattr__": _guarded(name, surface, allowed, object.__setattr__)}
    return type(name, (double,), body)


def _guarded(class_name: str, surface: Surface, allowed: frozenset[str], how: Any) -> Any:
    def reach(self: Any, name: str, *value: Any) -> Any:
        if not name.startswith("_") and name not in allowed:
            raise AttributeError(f"{class_name} of {surface.package} {surface.version} has no '{name}'")
        return how(self, name, *value)

    return reach
