"""Building the file tree of a machine from a few facts.

The forms are public ones: the first line of /etc/nv_tegra_release, the device tree's NUL-ended texts, nvpmodel's
configuration, devfreq, dpkg's status, /proc/meminfo and /proc/swaps. The values are ours where they do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

KIB = 1024


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a root, with the folders that they need."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def release(major: int, revision: str, board: str = "generic") -> dict[str, str]:
    """/etc/nv_tegra_release; since L4T 36 more lines follow the first."""
    line = f"# R{major} (release), REVISION: {revision}, GCID: 12345678, BOARD: {board}, EABI: aarch64, DATE: Wed Jan  8 2025"
    more = ["# KERNEL_VARIANT: oot", "TARGET_USERSPACE_LIB_DIR=nvidia"] if major >= 36 else []
    return {"etc/nv_tegra_release": "\n".join([line, *more, ""])}


def device_tree(model: str, *compatible: str) -> dict[str, bytes]:
    """The device tree's texts, each ended by a NUL."""
    return {
        "proc/device-tree/model": model.encode() + b"\0",
        "proc/device-tree/compatible": b"".join(each.encode() + b"\0" for each in compatible),
    }


def nvidia(model: str, *compatible: str) -> dict[str, bytes]:
    """The device tree of one of NVIDIA's boards."""
    return device_tree(model, *(f"nvidia,{each}" for each in compatible))


def driver(kind_and_version: str) -> dict[str, str]:
    """What the kernel tells of its NVIDIA driver."""
    return {"proc/driver/nvidia/version": f"NVRM version: NVIDIA UNIX {kind_and_version}\nGCC version:  gcc version 12.3.0\n"}


def power_modes(current: int | None, default: int, *names: str) -> dict[str, str]:
    """nvpmodel: its modes, numbered from 0, and the one it is in."""
    blocks = [
        f"< POWER_MODEL ID={number} NAME={name} >\nCPU_ONLINE CORE_0 1\nGPU MAX_FREQ 624750000\n"
        for number, name in enumerate(names)
    ]
    head = "# comment\n< PARAM TYPE=FILE NAME=CPU_ONLINE >\nCORE_0 /sys/devices/system/cpu/cpu0/online\n\n"
    files = {"etc/nvpmodel.conf": head + "\n".join(blocks) + f"\n< PM_CONFIG DEFAULT={default} >\n"}
    return files if current is None else {**files, "var/lib/nvpmodel/status": f"pmode:{current:04d}\n"}


def gpu_clock(folder: str, current: int, low: int, high: int) -> dict[str, str]:
    """A unit of devfreq, in MHz."""
    values = {"cur_freq": current, "min_freq": low, "max_freq": high}
    return {f"sys/class/devfreq/{folder}/{name}": f"{value}000000\n" for name, value in values.items()}


def governors(*names: str) -> dict[str, str]:
    """One group of cores for each."""
    root = "sys/devices/system/cpu/cpufreq"
    return {f"{root}/policy{4 * number}/scaling_governor": f"{name}\n" for number, name in enumerate(names)}


def memory(total_mib: int, available_mib: int, swaps: Mapping[str, int] | None = None) -> dict[str, str]:
    """/proc/meminfo and /proc/swaps; swaps in MiB by file or device."""
    swaps = swaps or {}
    meminfo = f"MemTotal:       {total_mib * KIB} kB\nMemFree:          100000 kB\nMemAvailable:   {available_mib * KIB} kB\n"
    meminfo += f"SwapTotal:      {sum(swaps.values()) * KIB} kB\nHugePages_Total:       0\n"
    lines = [f"{name}  partition\t{size * KIB}\t\t0\t\t5\n" for name, size in swaps.items()]
    return {"proc/meminfo": meminfo, "proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" + "".join(lines)}


def temperatures(**zones: float) -> dict[str, str]:
    """Thermal zones, in degrees."""
    files = {}
    for number, (name, degrees) in enumerate(zones.items()):
        files[f"sys/class/thermal/thermal_zone{number}/type"] = f"{name.replace('_', '-')}\n"
        files[f"sys/class/thermal/thermal_zone{number}/temp"] = f"{round(degrees * 1000)}\n"
    return files


def packages(**versions: str) -> dict[str, str]:
    """dpkg's status; one more package is there that was removed."""
    texts = [
        f"Package: {name.replace('_', '-')}\nStatus: install ok installed\nArchitecture: arm64\nVersion: {version}\n"
        "Description: a package\n with a second line: of text\n"
        for name, version in versions.items()
    ]
    gone = "Package: libnvinfer7\nStatus: deinstall ok config-files\nVersion: 7.1.3-1\n"
    return {"var/lib/dpkg/status": "\n".join([*texts, gone])}


def bindings(python: str) -> dict[str, str]:
    """TensorRT's bindings where apt puts them."""
    folder = f"usr/lib/python{python}/dist-packages/tensorrt"
    return {f"{folder}/__init__.py": "from .tensorrt import *\n", f"{folder}/tensorrt.so": ""}
