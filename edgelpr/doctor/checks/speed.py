"""What makes a board slower than it need be: power mode, clocks, heat."""

from __future__ import annotations

from edgelpr.doctor.check import Check
from edgelpr.doctor.surroundings import Surroundings

_HOT = 85.0


def check_power_mode(here: Surroundings) -> Check:
    """Whether the board is in the power mode that limits least."""
    power = here.machine.power
    if power is None:
        return Check("power-mode", "skipped", "no power modes are told here")
    current, fastest = power.current, power.fastest
    listed = ", ".join(f"{mode.id} {mode.name}" for mode in power.modes) or "none listed"
    if current is None or fastest is None:
        return Check("power-mode", "skipped", f"{f'mode {current.name}' if current else 'no mode is set'}; modes: {listed}")
    if current.rank < fastest.rank:
        return Check(
            "power-mode", "warning", f"{current.name}, not the fastest of: {listed}",
            f"Where power and cooling allow {fastest.name}, run: sudo nvpmodel -m {fastest.id}",
        )  # fmt: skip
    return Check("power-mode", "ok", f"{current.name}, the fastest")


def check_clocks(here: Surroundings) -> Check:
    """Whether the GPU's clock is fixed at its highest."""
    gpu = here.machine.clocks.gpu
    if not here.machine.is_jetson or gpu is None:
        return Check("clocks", "skipped", "no board's GPU clock is told here")
    if not gpu.fixed:
        found = f"{gpu.text}: it follows the load, so single plates take longer and times vary"
        return Check("clocks", "warning", found, "Run after every start, and after nvpmodel: sudo jetson_clocks")
    return Check("clocks", "ok", gpu.text)


def check_temperature(here: Surroundings) -> Check:
    """Whether the board is close to slowing itself down."""
    temperatures = here.machine.temperatures
    if not here.machine.is_jetson or not temperatures:
        return Check("temperature", "skipped", "no board's sensors here")
    name, warmest = max(temperatures.items(), key=lambda item: item[1])
    found = f"{warmest:.0f} °C at the warmest sensor ({name})"
    if warmest >= _HOT:
        return Check(
            "temperature",
            "warning",
            f"{found}: the board soon slows down",
            "Cool it better, or set fan and power mode: sudo nvpmodel -q",
        )
    return Check("temperature", "ok", found)
