"""Which NVIDIA driver the kernel has loaded."""

from __future__ import annotations

import re
from pathlib import Path

from edgelpr.devices.files import read_text

_VERSION = re.compile(r"\b\d{2,4}\.\d{1,3}(?:\.\d{1,3})?\b")


def read_driver(root: Path) -> str | None:
    """Like ``550.54.15``; None where no driver is loaded, or on a board before JetPack 7, which has none of its own."""
    for place in ("sys/module/nvidia/version", "proc/driver/nvidia/version"):
        match = _VERSION.search(read_text(root / place) or "")
        if match is not None:
            return match[0]
    return None
