"""Taking times: alternating blocks, so that two things compared meet the same machine; every sample kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SETTLING = 3

Seconds = NDArray[np.float64]
"""One duration a call, in the order they were taken."""


def time_alternating(
    calls: Mapping[str, Callable[[Any], object]],
    inputs: Mapping[str, Sequence[Any]],
    count: int,
    block: int = 25,
    warmup: int = 10,
    pause: float = 0.1,
) -> dict[str, Seconds]:
    """Time several things in turn, a block of calls each, until each has ``count`` samples.

    The next call starts when the last has returned. Inputs rotate, as repeating one may flatter the caches. Before each
    block comes a pause and then a few calls without the clock: the threads of an inference engine spin for a while after
    their last call, and those of the one timed before would take a processor from this one (seen: the first five calls
    after a switch took two to three times as long).

    Args:
        calls: what to time, by name.
        inputs: for each name the inputs to rotate through.
        count: samples a name.
        block: calls in a row before the next name has its turn.
        warmup: calls a name before the first block.
        pause: seconds of rest before each block.
    """
    for name, call in calls.items():
        _call(call, inputs[name], warmup)
    samples: dict[str, list[float]] = {name: [] for name in calls}
    while len(next(iter(samples.values()))) < count:
        for name, call in calls.items():
            taken = samples[name]
            sleep(pause)
            _call(call, inputs[name], _SETTLING)
            for _ in range(min(block, count - len(taken))):
                item = inputs[name][len(taken) % len(inputs[name])]
                start = perf_counter()
                call(item)
                taken.append(perf_counter() - start)
    return {name: np.array(taken) for name, taken in samples.items()}


def _call(call: Callable[[Any], object], inputs: Sequence[Any], times: int) -> None:
    for number in range(times):
        call(inputs[number % len(inputs)])
