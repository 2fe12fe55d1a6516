"""The states of two machines beside each other: what changes by itself, and makes the same machine faster or slower."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgelpr.benchmarks.bench.result import BenchResult

_CLOCK, _DEGREES = 0.05, 10.0

Highest = dict[str, float]
"""By the name of a part, as ``GPU 0``: the higher of its values before and after measuring, since a GPU at rest clocks down."""


def state_doubts(first: BenchResult, second: BenchResult, names: tuple[str, str], gpu: bool) -> tuple[str, ...]:
    """What was not the same while the two were measured, a sentence each.

    Args:
        first: with its states before and after.
        second: the same.
        names: of the two, for the sentences.
        gpu: whether a GPU computed: only then its state matters.
    """
    found = []
    if gpu:
        found += _apart("GPU clocks differ", first, second, names, _clocks, "MHz", lambda high: _CLOCK * high)
        found += _apart("power limits differ", first, second, names, _limits, "W", lambda high: 0.0)
        found += [line for result, name in zip((first, second), names) for line in _others(result, name)]
    found += _apart("temperatures differ", first, second, names, _temperatures, "°C", lambda high: _DEGREES)
    found += [line for result, name in zip((first, second), names) for line in _changed_mode(result, name)]
    found += _governors(first, second, names)
    return tuple(found)


def _apart(
    what: str,
    first: BenchResult,
    second: BenchResult,
    names: tuple[str, str],
    highest: Callable[[BenchResult], Highest],
    unit: str,
    allowed: Callable[[float], float],
) -> list[str]:
    one, other = highest(first), highest(second)
    parts = [
        f"{part} {one[part]:g} {unit} in {names[0]}, {other[part]:g} {unit} in {names[1]}"
        for part in one
        if part in other and abs(one[part] - other[part]) > allowed(max(one[part], other[part]))
    ]
    return [f"{what}: {'; '.join(parts)}"] if parts else []


def _clocks(result: BenchResult) -> Highest:
    found: Highest = {}
    for state in _states(result):
        board = state.get("gpu_clock")
        if isinstance(board, dict) and _is_number(board.get("current")):
            _keep(found, "the board's GPU", board["current"] / 1e6)
        for number, gpu in enumerate(_gpus(state)):
            _keep(found, f"GPU {number}", gpu.get("clock_mhz"))
            _keep(found, f"memory of GPU {number}", gpu.get("memory_clock_mhz"))
    return found


def _limits(result: BenchResult) -> Highest:
    found: Highest = {}
    for state in _states(result):
        for number, gpu in enumerate(_gpus(state)):
            _keep(found, f"GPU {number}", gpu.get("power_limit_watts"))
    return found


def _temperatures(result: BenchResult) -> Highest:
    found: Highest = {}
    for state in _states(result):
        zones = state.get("temperatures")
        for name, value in zones.items() if isinstance(zones, dict) else ():
            _keep(found, str(name), value)
        for number, gpu in enumerate(_gpus(state)):
            _keep(found, f"GPU {number}", gpu.get("temperature"))
    return found


def _others(result: BenchResult, name: str) -> list[str]:
    """Whoever else was on a GPU, by whatever ``nvml`` tells of them."""
    lists = [gpu.get("processes") for state in _states(result) for gpu in _gpus(state)]
    others = sorted({str(other) for each in lists if isinstance(each, list) for other in each})
    return [f"other processes were on a GPU in {name}: {'; '.join(others)}"] if others else []


def _changed_mode(result: BenchResult, name: str) -> list[str]:
    modes = [str(state["power_mode"]) for state in _states(result) if state.get("power_mode") is not None]
    return [f"the power mode changed in {name}: {' to '.join(modes)}"] if len(set(modes)) > 1 else []


def _governors(first: BenchResult, second: BenchResult, names: tuple[str, str]) -> list[str]:
    kept = [[str(each) for each in state["governors"]] for state in map(_last_state, (first, second)) if state.get("governors")]
    if len(kept) < 2 or kept[0] == kept[1]:
        return []
    return [f"clock governors differ: {', '.join(kept[0])} in {names[0]}, {', '.join(kept[1])} in {names[1]}"]


def _states(result: BenchResult) -> list[Mapping[str, Any]]:
    """Before and after; what an older version did not keep is left out."""
    found = (result.machine.get(name) for name in ("before", "after"))
    return [state for state in found if isinstance(state, dict)]


def _last_state(result: BenchResult) -> Mapping[str, Any]:
    return next(reversed(_states(result)), {})


def _gpus(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    gpus = state.get("gpus")
    return [gpu for gpu in gpus if isinstance(gpu, dict)] if isinstance(gpus, list) else []


def _keep(found: Highest, part: str, value: Any) -> None:
    if _is_number(value):
        found[part] = max(found.get(part, value), value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
