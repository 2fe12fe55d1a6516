"""The scenarios: what one sample is, and when the device is waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgelpr.benchmarks.bench.duration import Span
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.sampling import Limit
from edgelpr.errors import UsageError
from edgelpr.types import Scenario, Scope

PAPER_SCENARIOS: tuple[Scenario, ...] = ("paper", "paper-synchronised")
"""Those of the HPA authors' loop: batch 1, network only."""

_ONLY: Mapping[Scenario, Scope] = {
    "paper": "network only",
    "paper-synchronised": "network only",
    "cold-start": "end to end",
}
_OFFLINE_PLATES = 64
_OFFLINE_BATCHES = 4
_OFFLINE_PASSES = 5


@dataclass(frozen=True)
class Calls:
    """What is timed, ready to be called."""

    call: Callable[[Any], object]
    """Takes an item; a sample is the time of one call."""

    items: Sequence[Any]
    """In rotation."""

    plates: int
    """Read by one call."""

    batch: int
    """Plates that go through the network at once."""

    inputs: Sequence[Any] = ()
    """Of single calls to the network; empty end to end."""


def plan_calls(reader: Reader, scenario: Scenario, scope: Scope, batch: int, crops: Sequence[Any]) -> Calls:
    """Prepare a scenario; nothing of that is timed.

    ``paper`` repeats the authors' published loop: the clock is read around a call that returns before the device is done, and
    nobody waits. ``paper-synchronised`` is the same loop, waiting each time. ``offline`` hands over everything at once and
    waits at its end.

    Args:
        reader: what reads.
        scenario: not ``cold-start``, which needs a process of its own.
        scope: what a sample covers.
        batch: of ``offline``; the others read one plate a call.
        crops: distinct, of the sizes that a detector delivers; of tracks one tuple of frames a plate.

    Raises:
        UsageError: a paper's loop end to end, which no paper timed.
    """
    if scenario in PAPER_SCENARIOS and scope != "network only":
        raise UsageError(f"scenario '{scenario}' is the network only, as the HPA authors timed it; leave out '{scope}'")
    if scenario == "offline":
        return _offline(reader, scope, batch, crops)
    if scope == "end to end":
        return Calls(lambda crop: reader.read((crop,)), crops, 1, 1)
    inputs = reader.network_input(crops)
    prepared = [reader.prepare(inputs[number : number + 1]) for number in range(len(inputs))]
    reader.synchronise()
    call = reader.run_network if scenario == "paper" else _synchronised(reader)
    return Calls(call, prepared, 1, 1, prepared)


def scenarios_and_scopes(scenarios: Sequence[Scenario], scopes: Sequence[Scope]) -> list[tuple[Scenario, Scope]]:
    """Every combination that has a meaning, in the order asked for.

    Args:
        scenarios: wanted.
        scopes: wanted; the paper's loops are the network only, a cold start is end to end.

    Raises:
        UsageError: a scenario for which none of the scopes has a meaning.
    """
    found: list[tuple[Scenario, Scope]] = []
    for scenario in dict.fromkeys(scenarios):
        only = _ONLY.get(scenario)
        fitting = [(scenario, scope) for scope in dict.fromkeys(scopes) if only in (None, scope)]
        if not fitting:
            raise UsageError(f"scenario '{scenario}' is measured {only}, which the scope that was asked for leaves out")
        found += fitting
    return found


def limit_of(scenario: Scenario, span: Span) -> Limit:
    """When a scenario ends: the paper's loops after their number of passes, the others after their time."""
    if scenario in PAPER_SCENARIOS:
        bound = span.bound if span.kind == "custom" else float("inf")
        return Limit(float("inf"), span.passes, bound, span.passes)
    least = min(span.least, _OFFLINE_PASSES) if scenario == "offline" else span.least
    return Limit(span.seconds, least, span.bound)


def _synchronised(reader: Reader) -> Callable[[Any], object]:
    def call(prepared: Any) -> None:
        reader.run_network(prepared)
        reader.synchronise()

    return call


def _offline(reader: Reader, scope: Scope, batch: int, crops: Sequence[Any]) -> Calls:
    wanted = max(_OFFLINE_PLATES, _OFFLINE_BATCHES * batch)
    count = -(-wanted // batch) * batch
    everything = [crops[number % len(crops)] for number in range(count)]
    if scope == "end to end":
        return Calls(reader.read, [everything], count, batch if reader.batched else 1)
    inputs = reader.network_input(everything)
    batches = [reader.prepare(inputs[start : start + batch]) for start in range(0, count, batch)]
    reader.synchronise()

    def call(prepared: Sequence[Any]) -> None:
        for each in prepared:
            reader.run_network(each)
        reader.synchronise()

    return Calls(call, [batches], count, batch, batches)
