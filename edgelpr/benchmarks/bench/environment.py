"""The machine of a result: what it is, and in which state it was before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.bench.nvml import Nvml
from edgelpr.benchmarks.machine import describe_machine, load
from edgelpr.devices.files import folders, read_number
from edgelpr.devices.machine import ROOT, read_machine


def describe_environment(root: Path = ROOT, nvml: Nvml | None = None) -> dict[str, Any]:
    """What stays as it is while measuring: processor, board, system, driver, GPUs, versions, power mode.

    Args:
        root: of the file system.
        nvml: the management library, where it is there.
    """
    machine = read_machine(root)
    told = machine.to_dict()
    gpus = () if nvml is None else nvml.gpus()
    return describe_machine() | {
        **{key: told[key] for key in ("board", "chip", "l4t", "jetpack", "driver", "in_container", "power_mode")},
        "gpus": [{"name": gpu.name, "compute_capability": gpu.compute_capability, "mig": gpu.mig} for gpu in gpus],
    }


def describe_state(root: Path = ROOT, nvml: Nvml | None = None) -> dict[str, Any]:
    """What may change: load, clocks, temperatures, power mode, other processes on the GPUs.

    Args:
        root: of the file system.
        nvml: the management library, where it is there.
    """
    machine = read_machine(root)
    told = machine.to_dict()
    return {
        "load": load(),
        "processor_mhz": _processor_clocks(root),
        **{key: told[key] for key in ("power_mode", "gpu_clock", "governors", "temperatures")},
        "gpus": [] if nvml is None else [asdict(gpu) for gpu in nvml.gpus()],
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """What a result has to say of two states: a mode that changed, others on a GPU.

    Args:
        before: of ``describe_state``.
        after: the same, later.
    """
    found = []
    if before["power_mode"] != after["power_mode"]:
        found.append(f"the power mode changed from {before['power_mode']} to {after['power_mode']} while measuring")
    others = sorted({other for state in (before, after) for gpu in state["gpus"] for other in gpu["processes"]})
    if others:
        found.append(f"other processes were on a GPU: {'; '.join(others)}")
    return tuple(found)


def gpu_clocks(state: dict[str, Any]) -> Sequence[int | None]:
    """MHz of every GPU in a state, a board's first."""
    board = state["gpu_clock"]
    own = [] if board is None else [board["current"] // 1_000_000]
    return [*own, *(gpu["clock_mhz"] for gpu in state["gpus"])]


def _processor_clocks(root: Path) -> list[int]:
    """MHz of each group of cores now; empty where the kernel does not tell, as on most virtual machines."""
    found = [read_number(folder / "scaling_cur_freq") for folder in folders(root / "sys/devices/system/cpu/cpufreq", "policy*")]
    return [value // 1000 for value in found if value is not None]
