"""All that files tell about this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgelpr.devices.board import Board, read_board
from edgelpr.devices.clocks import Clocks, read_clocks
from edgelpr.devices.driver import read_driver
from edgelpr.devices.heat import read_temperatures
from edgelpr.devices.l4t import L4t, read_l4t
from edgelpr.devices.memory import Memory, read_memory
from edgelpr.devices.packages import read_packages
from edgelpr.devices.power import Power, read_power
from edgelpr.devices.processor import read_processor

ROOT = Path("/")
"""Where a running system's files lie."""

_CONTAINER_MARKS = (".dockerenv", "run/.containerenv")


@dataclass(frozen=True)
class Machine:
    """A board or a desktop; nothing that it does not tell is guessed."""

    board: Board | None
    """By the device tree; None on a desktop."""

    l4t: L4t | None
    """The Linux of a Jetson board; None elsewhere."""

    power: Power | None
    """Power modes of a Jetson board; None elsewhere, and in most containers."""

    clocks: Clocks
    """Of a board's GPU and the processor."""

    memory: Memory | None
    """None where the system does not tell, as outside Linux."""

    temperatures: Mapping[str, float]
    """Degrees Celsius by the name of the sensor."""

    driver: str | None
    """Version of the NVIDIA driver in the kernel."""

    processor: str | None
    """Its name."""

    packages: Mapping[str, str]
    """Installed packages of the system, with their versions."""

    in_container: bool
    """Whether this is a container, where the driver has to be let in from outside."""

    @property
    def is_jetson(self) -> bool:
        """Whether it is one of NVIDIA's boards."""
        return self.l4t is not None or (self.board is not None and self.board.chip is not None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what a figure depends on, without the packages."""
        power = self.power
        return {
            "board": None if self.board is None else self.board.model,
            "chip": None if self.board is None else self.board.chip,
            "l4t": None if self.l4t is None else self.l4t.version,
            "jetpack": None if self.l4t is None else self.l4t.jetpack,
            "power_mode": None if power is None or power.current is None else power.current.name,
            "gpu_clock": None if self.clocks.gpu is None else asdict(self.clocks.gpu),
            "governors": list(self.clocks.governors),
            "memory": None if self.memory is None else asdict(self.memory),
            "temperatures": dict(self.temperatures),
            "driver": self.driver,
            "processor": self.processor,
            "in_container": self.in_container,
        }


def read_machine(root: Path = ROOT) -> Machine:
    """Read what this machine is; never fails on what is absent, new or garbled.

    Args:
        root: of the file system.
    """
    packages = read_packages(root)
    return Machine(
        board=read_board(root),
        l4t=read_l4t(root, packages),
        power=read_power(root),
        clocks=read_clocks(root),
        memory=read_memory(root),
        temperatures=read_temperatures(root),
        driver=read_driver(root),
        processor=read_processor(root),
        packages=packages,
        in_container=any((root / mark).exists() for mark in _CONTAINER_MARKS),
    )
