"""The power mode of a Jetson board: which one it is in, and which is the fastest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgelpr.devices.files import read_text

STATUS = "var/lib/nvpmodel/status"
"""Below the root: ``pmode:0002``, perhaps with more behind it."""

MODES = "etc/nvpmodel.conf"
"""Below the root: a line ``< POWER_MODEL ID=2 NAME=MAXN >`` for each mode, and ``< PM_CONFIG DEFAULT=2 >``."""

_STATUS = re.compile(r"pmode:\s*(\d{1,4})")
_MODE = re.compile(r"<\s*POWER_MODEL\s+ID=(\d{1,4})\s+NAME=([^\s>]+)")
_DEFAULT = re.compile(r"<\s*PM_CONFIG\s+DEFAULT=(\d{1,4})")
_WATTS = re.compile(r"(\d{1,5})W")
_CORES = re.compile(r"(\d{1,5})CORE")


@dataclass(frozen=True)
class PowerMode:
    """One of nvpmodel's modes."""

    id: int
    """What ``nvpmodel -m`` takes."""

    name: str
    """Like ``MAXN``, ``15W`` or ``MODE_15W_6CORE``; the number where it has no name."""

    @property
    def rank(self) -> tuple[bool, int, int]:
        """Greater is faster: MAXN limits nothing; else the watts, then the cores."""
        return (self.name.upper().startswith("MAXN"), _first(_WATTS, self.name), _first(_CORES, self.name))


@dataclass(frozen=True)
class Power:
    """The power modes of a board."""

    current: PowerMode | None
    """The mode it is in; None where that is not told."""

    modes: tuple[PowerMode, ...]
    """All that it has."""

    @property
    def fastest(self) -> PowerMode | None:
        """The mode that limits least."""
        return max(self.modes, key=lambda mode: mode.rank, default=None)


def read_power(root: Path) -> Power | None:
    """The power modes; None where there is no nvpmodel."""
    configuration, status = read_text(root / MODES), read_text(root / STATUS)
    if configuration is None and status is None:
        return None
    names = {int(number): name for number, name in _MODE.findall(configuration or "")}
    # Before the mode was ever changed there is no status, and the default holds.
    match = _STATUS.search(status or "") or _DEFAULT.search(configuration or "")
    current = None if match is None else int(match[1])
    return Power(
        None if current is None else PowerMode(current, names.get(current, str(current))),
        tuple(PowerMode(number, name) for number, name in sorted(names.items())),
    )


def _first(pattern: re.Pattern[str], name: str) -> int:
    match = pattern.search(name.upper())
    return 0 if match is None else int(match[1])
