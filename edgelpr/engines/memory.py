"""How much memory a build may count on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgelpr.cuda.facts import DeviceFacts
from edgelpr.cuda.interface import CudaDevice
from edgelpr.cuda.opening import open_device
from edgelpr.devices.machine import ROOT
from edgelpr.devices.memory import read_memory
from edgelpr.errors import BackendError, MissingDependencyError


def free_memory(facts: DeviceFacts, open_device: Callable[[int], CudaDevice] = open_device, root: Path = ROOT) -> int | None:
    """Free bytes for an engine's workspace, as ``workspace_for`` takes them; None where nobody tells.

    On an integrated GPU the kernel's figure counts: it includes what caches of files would give back, which CUDA's does not.

    Args:
        facts: the GPU.
        open_device: opens it by its number.
        root: of the file system.
    """
    if facts.integrated:
        memory = read_memory(root)
        return None if memory is None else memory.available
    try:
        device = open_device(facts.index)
    except (BackendError, MissingDependencyError):  # to build takes no package for CUDA
        return None
    try:
        return device.memory()[0]
    finally:
        device.close()
