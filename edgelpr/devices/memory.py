"""Memory and swap."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgelpr.devices.files import read_text

_LINE = re.compile(r"^(\w+):\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """Sizes in bytes. On a board the GPU uses the same memory."""

    total: int
    """Of the machine."""

    available: int
    """That programs may still take."""

    swap: int
    """On a disk."""

    compressed_swap: int
    """In memory itself (zram): it stretches memory a little, and holds nothing that does not compress."""


def read_memory(root: Path) -> Memory | None:
    """Memory and swap; None where the kernel does not tell."""
    values = {key: int(value) << 10 for key, value in _LINE.findall(read_text(root / "proc/meminfo") or "")}
    if "MemTotal" not in values:
        return None
    available = values.get("MemAvailable", values.get("MemFree", 0))
    areas = list(_swap_areas(root))
    compressed = sum(size for name, size in areas if "zram" in name)
    return Memory(values["MemTotal"], available, sum(size for _, size in areas) - compressed, compressed)


def _swap_areas(root: Path) -> list[tuple[str, int]]:
    """File or device, and size, of the lines below the heading."""
    lines = [line.split() for line in (read_text(root / "proc/swaps") or "").splitlines()[1:]]
    return [(fields[0], int(fields[2]) << 10) for fields in lines if len(fields) > 2 and fields[2].isdecimal()]
