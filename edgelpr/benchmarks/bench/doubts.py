"""Why a ratio of two results may not say what it seems to, though they may be compared."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.comparable import Side, differences
from edgelpr.benchmarks.bench.states import state_doubts

Pair = tuple[Side, Side]
"""A run of the first result and that of the second."""


def doubts(pairs: Sequence[Pair], names: tuple[str, str]) -> tuple[str, ...]:
    """A sentence each, none twice.

    Args:
        pairs: of the two results, at least one.
        names: of the two results, for the sentences.
    """
    first, second = pairs[0]
    gpu = any(side.run.device != "CPU" for pair in pairs for side in pair)
    found = [line for pair in pairs for line in (*_of_copies(pair, names), *_of_engines(pair))]
    return tuple(dict.fromkeys((*found, *state_doubts(first.result, second.result, names, gpu))))


def _of_copies(pair: Pair, names: tuple[str, str]) -> list[str]:
    found = []
    for side, name in zip(pair, names):
        run = side.run
        if run.scope != "network only" or run.device == "CPU":
            continue
        if run.transfers is None:
            found.append(f"{name} does not tell whether copies to and from the GPU are in its 'network only'; measure it again")
        elif run.transfers == "included":
            found.append(f"'network only' includes copies to and from the GPU in {name}")
    return found


def _of_engines(pair: Pair) -> list[str]:
    if not any(each.field == "engine" for each in differences(*pair)):
        return []
    other = pair[1].run
    return [
        f"{other.model.name}, {other.precision}: the engine was built anew, and building chooses by timing: the ratio is of "
        "two builds, which differ by more than two runs of one"
    ]
