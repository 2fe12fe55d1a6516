"""The name of the processor."""

from __future__ import annotations

from pathlib import Path

from edgelpr.devices.files import read_text

_KEYS = ("model name", "Model", "Hardware")


def read_processor(root: Path) -> str | None:
    """As the kernel names it; None where it does not, as on many boards."""
    lines = [line.partition(":") for line in (read_text(root / "proc/cpuinfo") or "").splitlines()]
    values = {key.strip(): value.strip() for key, _, value in reversed(lines)}
    return next((values[key] for key in _KEYS if values.get(key)), None)
