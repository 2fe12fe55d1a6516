"""The parts of the machine that opening an engine touches, so that stand-ins can take their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from edgelpr.cuda.interface import CudaDevice
from edgelpr.cuda.opening import open_device
from edgelpr.cuda.probing import Probe, device_of, require_driver
from edgelpr.devices.board import read_board
from edgelpr.devices.l4t import read_l4t
from edgelpr.devices.machine import ROOT
from edgelpr.devices.packages import read_packages
from edgelpr.engines.loading import least_driver
from edgelpr.engines.machine import Machine
from edgelpr.engines.modules import NAMES, load_tensorrt
from edgelpr.types import EngineBackend


@cache  # as long as the process runs it stays the same machine, and dpkg's list is long
def jetson_linux() -> str | None:
    """L4T as the board writes it; None on other machines."""
    found = read_l4t(ROOT, read_packages(ROOT))
    return None if found is None else found.raw


@cache
def jetson_model() -> str | None:
    """Which Jetson this is; None on other machines, and in containers that hide it."""
    board = read_board(ROOT)
    return None if board is None else board.jetson


@dataclass(frozen=True)
class Machinery:
    """What reaches the driver and TensorRT, as it is on this machine."""

    require_driver: Callable[[int | None, str], Probe] = require_driver
    """Asks the driver what is there; raises DeviceError where it does not answer, or is older than what is needed."""

    load_module: Callable[[EngineBackend], Any] = load_tensorrt
    """Imports TensorRT."""

    open_device: Callable[[int], CudaDevice] = open_device
    """Opens a GPU by its number."""

    jetson_linux: Callable[[], str | None] = jetson_linux
    """Reads the system's version."""

    jetson_model: Callable[[], str | None] = jetson_model
    """Reads the board's name."""

    def machine(self, backend: EngineBackend, index: int) -> Machine:
        """This machine as engines see it; TensorRT is imported, and nothing is opened.

        Args:
            backend: whose package.
            index: number of the GPU.

        Raises:
            DeviceError: no driver, one that is too old for the package, or no such GPU.
            MissingDependencyError: the package is not installed.
            BackendError: it cannot be loaded.
        """
        # First: without a driver, a TensorRT runtime ends the process.
        facts = device_of(self.require_driver(least_driver(backend), NAMES[backend]), index)
        return Machine(self.load_module(backend), backend, facts, None, self.jetson_linux(), self.jetson_model())
