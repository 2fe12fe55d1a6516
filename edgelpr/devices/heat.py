"""How warm the machine is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgelpr.devices.files import folders, read_number, read_text

ZONES = "sys/class/thermal"
"""Below the root."""

_POSSIBLE = range(-40, 200)
"""In degrees; sensors that are switched off answer with numbers far outside."""


def read_temperatures(root: Path) -> Mapping[str, float]:
    """Degrees Celsius by the name of the sensor."""
    found = {}
    for zone in folders(root / ZONES, "thermal_zone*"):
        thousandths = read_number(zone / "temp")
        if thousandths is not None and thousandths // 1000 in _POSSIBLE:
            found[read_text(zone / "type") or zone.name] = thousandths / 1000
    return found
