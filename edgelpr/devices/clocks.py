"""How fast the GPU of a board and its processor may run now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelpr.devices.files import folders, read_number, read_text

DEVFREQ = "sys/class/devfreq"
"""Below the root: a folder for each unit whose clock is scaled."""

CPUFREQ = "sys/devices/system/cpu/cpufreq"
"""Below the root: a folder for each group of cores."""

# Until JetPack 5 the folder carries the name of the GPU; Thor calls the part that computes gpc.
_GPU_FOLDERS = ("*gpu-gpc-0", "*.gpu", "*.ga10b", "*.gv11b", "*.gp10b", "*gpu*")


@dataclass(frozen=True)
class GpuClock:
    """Frequencies in Hz."""

    current: int
    """Now."""

    low: int
    """As far down as it may go; ``jetson_clocks`` sets it to ``high``."""

    high: int
    """As far up as it may go in this power mode."""

    @property
    def fixed(self) -> bool:
        """Whether it always runs at its highest."""
        return self.low >= self.high

    @property
    def text(self) -> str:
        """For people."""
        return f"GPU {_mhz(self.current)} MHz now, {_mhz(self.low)} to {_mhz(self.high)} MHz allowed"


@dataclass(frozen=True)
class Clocks:
    """What scales the clocks."""

    gpu: GpuClock | None
    """Of the GPU of a board; None where the kernel does not tell."""

    governors: tuple[str, ...]
    """Of the processor's cores, each once: ``schedutil``, ``performance``."""


def read_clocks(root: Path) -> Clocks:
    """Clocks of the GPU and governors of the processor."""
    found = [folder for pattern in _GPU_FOLDERS for folder in folders(root / DEVFREQ, pattern)]
    clocks = [clock for clock in map(_gpu_clock, found) if clock is not None]
    governors = {read_text(policy / "scaling_governor") for policy in folders(root / CPUFREQ, "policy*")}
    return Clocks(clocks[0] if clocks else None, tuple(sorted(name for name in governors if name)))


def _gpu_clock(folder: Path) -> GpuClock | None:
    numbers = [read_number(folder / name) for name in ("cur_freq", "min_freq", "max_freq")]
    current, low, high = numbers
    return None if current is None or low is None or high is None else GpuClock(current, low, high)


def _mhz(hertz: int) -> int:
    return round(hertz / 1e6)
