"""Taking times: alternating blocks, so that two things compared meet the same machine; every sample kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = 3

Seconds = NDArray[np.float64]
"""One duration a call, in the order they were taken."""


def time_alternating(
    calls: Mapping[str, Callable[[Any], object]],
    inputs: Mapping[str, Sequence[Any]],
    count: int,
    block: int = 25,
    settle: float = 0.1,
) -> dict[str, Seconds]:
    """Time several things in turn, a block of calls each, until each has ``count`` samples.

    The next call starts when the last has returned. Inputs rotate, as repeating one may flatter the caches. Each block
    begins with calls without the clock: the threads of an inference engine spin for a while after their last call, and
    those of the one timed before would take a processor from this one (seen: the first five calls after a switch took
    two to three times as long). Resting instead would not do: after a tenth of a second of sleep a processor is slower
    for longer than a block lasts (seen: by a quarter).

    Args:
        calls: what to time, by name.
        inputs: for each name the inputs to rotate through.
        count: samples a name.
        block: calls in a row before the next name has its turn.
        settle: seconds of calls without the clock before each block.
    """
    samples: dict[str, list[float]] = {name: [] for name in calls}
    while len(next(iter(samples.values()))) < count:
        for name, call in calls.items():
            taken = samples[name]
            _settle(call, inputs[name], settle)
            for _ in range(min(block, count - len(taken))):
                item = inputs[name][len(taken) % len(inputs[name])]
                start = perf_counter()
                call(item)
                taken.append(perf_counter() - start)
    return {name: np.array(taken) for name, taken in samples.items()}


def _settle(call: Callable[[Any], object], inputs: Sequence[Any], seconds: float) -> None:
    start, number = perf_counter(), 0
    while number < _LEAST or perf_counter() - start < seconds:
        call(inputs[number % len(inputs)])
        number += 1
