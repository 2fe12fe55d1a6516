"""Taking times: alternating blocks, so that two things compared meet the same machine; every sample kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
"""One duration a call, in the order they were taken."""


def time_alternating(
    calls: Mapping[str, Callable[[Any], object]],
    inputs: Mapping[str, Sequence[Any]],
    count: int,
    block: int = 10,
    warmup: int = 10,
) -> dict[str, Seconds]:
    """Time several things in turn, a block of calls each, until each has ``count`` samples.

    The next call starts when the last has returned. Inputs rotate, as repeating one may flatter the caches.

    Args:
        calls: what to time, by name.
        inputs: for each name the inputs to rotate through.
        count: samples a name.
        block: calls in a row before the next name has its turn.
        warmup: calls a name before the clock starts.
    """
    for name, call in calls.items():
        for number in range(warmup):
            call(inputs[name][number % len(inputs[name])])
    samples: dict[str, list[float]] = {name: [] for name in calls}
    while len(next(iter(samples.values()))) < count:
        for name, call in calls.items():
            taken = samples[name]
            for _ in range(min(block, count - len(taken))):
                item = inputs[name][len(taken) % len(inputs[name])]
                start = perf_counter()
                call(item)
                taken.append(perf_counter() - start)
    return {name: np.array(taken) for name, taken in samples.items()}
