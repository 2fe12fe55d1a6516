"""What a Jetson board draws, by the INA3221 sensors on its power rails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from edgelpr.devices.files import folders, read_number, read_text

SENSORS = "sys/bus/i2c/drivers"
"""Below the root; the driver is ``ina3221``, until JetPack 4 ``ina3221x``."""

_INPUTS = ("VDD_IN", "POM_5V_IN")
_CHANNELS = (1, 2, 3)  # the fourth of Orin's is the sum of shunt voltages, no rail


def read_rails(root: Path) -> dict[str, float]:
    """Watts by the name of the rail; nothing where there are no such sensors."""
    return dict(_rails(root))


def board_watts(root: Path) -> float | None:
    """What the whole board draws: its input rail where it has a sensor, else all rails together; None without sensors."""
    return watts_of(read_rails(root))


def watts_of(rails: Mapping[str, float]) -> float | None:
    """What a board draws whose rails draw so much: its input rail where it is among them, else all together; None without."""
    for name in _INPUTS:
        if name in rails:
            return rails[name]
    return sum(rails.values()) if rails else None


def _rails(root: Path) -> Iterator[tuple[str, float]]:
    for driver in folders(root / SENSORS, "ina3221*"):
        for folder in folders(driver, "*/hwmon/hwmon*"):
            for channel in _CHANNELS:
                millivolts = read_number(folder / f"in{channel}_input")
                milliamperes = read_number(folder / f"curr{channel}_input")
                name = read_text(folder / f"in{channel}_label")
                if name not in (None, "NC") and millivolts is not None and milliamperes is not None:
                    yield str(name), millivolts * milliamperes / 1e6
        for folder in folders(driver, "*/iio*device*"):
            for number in range(len(_CHANNELS)):
                milliwatts, name = read_number(folder / f"in_power{number}_input"), read_text(folder / f"rail_name_{number}")
                if name is not None and milliwatts is not None:
                    yield name, milliwatts / 1e3
