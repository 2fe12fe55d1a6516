"""The parts of the machine that opening an engine touches, so that stand-ins can take their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgelpr.cuda.interface import CudaDevice
from edgelpr.cuda.opening import open_device
from edgelpr.cuda.probing import Probe, require_driver
from edgelpr.devices.l4t import read_l4t
from edgelpr.devices.machine import ROOT
from edgelpr.devices.packages import read_packages
from edgelpr.engines.machine import Machine
from edgelpr.engines.modules import load_tensorrt
from edgelpr.errors import DeviceError
from edgelpr.types import EngineBackend


def jetson_linux() -> str | None:
    """L4T as the board writes it; None on other machines."""
    found = read_l4t(ROOT, read_packages(ROOT))
    return None if found is None else found.raw


@dataclass(frozen=True)
class Machinery:
    """What reaches the driver and TensorRT, as it is on this machine."""

    require_driver: Callable[[], Probe] = require_driver
    """Asks the driver what is there; raises DeviceError where it does not answer."""

    load_module: Callable[[EngineBackend], Any] = load_tensorrt
    """Imports TensorRT."""

    open_device: Callable[[int], CudaDevice] = open_device
    """Opens a GPU by its number."""

    jetson_linux: Callable[[], str | None] = jetson_linux
    """Reads the system's version."""

    def machine(self, backend: EngineBackend, index: int) -> Machine:
        """This machine as engines see it; TensorRT is imported, and nothing is opened.

        Args:
            backend: whose package.
            index: number of the GPU.

        Raises:
            DeviceError: no driver, or no such GPU.
            MissingDependencyError: the package is not installed.
            BackendError: it cannot be loaded.
        """
        devices = self.require_driver().devices  # first: without a driver, a TensorRT runtime ends the process
        if not 0 <= index < len(devices):
            there = ", ".join(f"{device.index} ({device.name})" for device in devices)
            raise DeviceError(f"there is no GPU number {index}; the driver shows {there}. CUDA_VISIBLE_DEVICES may hide others")
        return Machine(self.load_module(backend), backend, devices[index], None, self.jetson_linux())
