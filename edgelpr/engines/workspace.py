"""Device memory that TensorRT may use for one layer, from what is free; sizes in words.

The workspace is a limit, not a reservation: networks of this size use a few MiB of it. What matters is that a build does not
push other programs out. A GPU with memory of its own gives up to three quarters of what is free. On a Jetson the same memory
holds the system, the other programs and what the build itself needs on the host, about a GiB: that is left out, and of the
rest half is given.
"""

from __future__ import annotations

import re

from edgelpr.errors import UsageError

LEAST = 64 << 20
"""Given even where less is free: below it TensorRT finds no way to compute some layers."""

HOST_NEEDS = 1 << 30
"""What a build needs on the host, which on an integrated GPU is the same memory."""

_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SIZE = re.compile(r"(\d{1,20}(?:\.\d{1,20})?)\s*([A-Za-z]*)")  # longer ones are no size, and may exceed what a float holds


def workspace_for(free_bytes: int, integrated: bool) -> int:
    """The workspace, in bytes, where a user names none.

    Args:
        free_bytes: memory that is free on the device.
        integrated: whether the GPU shares the memory of the processor, as on a Jetson.
    """
    share = (free_bytes - HOST_NEEDS) // 2 if integrated else free_bytes * 3 // 4
    return max(LEAST, share)


def parse_size(text: str) -> int:
    """Bytes of ``512MiB``, ``1.5GiB``, ``2G`` or a plain number.

    Raises:
        UsageError: not such a size.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = None if match is None else _UNITS.get(match.group(2).upper())
    if match is None or unit is None:
        raise UsageError(f"size '{text}': expected a number with a unit, for example 512MiB or 1.5GiB")
    return int(float(match.group(1)) * unit)


def size_in_words(size: int) -> str:
    """Bytes for people: ``1.5 GiB``, ``512 MiB``."""
    unit, name = (1 << 30, "GiB") if size >= 1 << 30 else (1 << 20, "MiB")
    return f"{size / unit:.3g} {name}"
