"""What the processor can do that matters to int8: whether its products of uint8 and int8 are exact.

ONNX Runtime multiplies uint8 activations by int8 weights. x86 without VNNI adds two such products in 16 bits, which
saturate; with VNNI, and on arm64, they are added in 32 bits. The same file may thus read otherwise on another processor.
"""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
"""Where Linux describes its processors."""

_X86, _ARM = "x86-64", "arm64"
_MACHINES = {"x86_64": _X86, "amd64": _X86, "aarch64": _ARM, "arm64": _ARM}
# The first that the processor has names it; the keys are Linux's names of what it can do.
_BY_FLAG = {
    _X86: {"avx512_vnni": "avx512-vnni", "avx_vnni": "avx-vnni", "avx512bw": "avx512", "avx2": "avx2"},
    _ARM: {"i8mm": "i8mm", "asimddp": "dotprod"},
}


def instruction_set(cpuinfo: Path = CPUINFO, machine: str | None = None) -> str:
    """Architecture and the best integer instructions of this processor.

    Args:
        cpuinfo: Linux's description; where there is none, only the architecture is told.
        machine: the architecture as ``platform.machine`` gives it, which is the default.

    Returns:
        ``x86-64 avx512-vnni``, ``x86-64 avx-vnni``, ``x86-64 avx512``, ``x86-64 avx2`` or ``x86-64``; ``arm64 i8mm``,
        ``arm64 dotprod`` or ``arm64``; of another architecture its name.
    """
    machine = machine or platform.machine()
    architecture = _MACHINES.get(machine.lower())
    if architecture is None:
        return machine
    flags = _flags(cpuinfo)
    best = next((name for flag, name in _BY_FLAG[architecture].items() if flag in flags), None)
    return architecture if best is None else f"{architecture} {best}"


def has_exact_int8(name: str) -> bool:
    """Whether sums of uint8 times int8 are exact with an instruction set: VNNI on x86, any arm64; unknown ones are not.

    Args:
        name: as ``instruction_set`` gives it.
    """
    return name.split(" ")[0] == _ARM or name.endswith("-vnni")


def reads_alike(one: str, other: str) -> bool:
    """Whether an int8 graph reads alike with two instruction sets: the same, or one architecture and both exact.

    Args:
        one: as ``instruction_set`` gives it.
        other: likewise.
    """
    return one == other or (one.split(" ")[0] == other.split(" ")[0] and has_exact_int8(one) and has_exact_int8(other))


def _flags(cpuinfo: Path) -> set[str]:
    """Of the first processor that is described."""
    try:
        text = cpuinfo.read_text("utf-8", "replace")
    except OSError:
        return set()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("flags", "features"):
            return set(value.split())
    return set()
