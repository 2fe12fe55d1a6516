"""What keeping layers costs in time."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import onnx

from edgelpr.benchmarks.bisecting.plates import PreparedPlates
from edgelpr.benchmarks.bisecting.reading import GraphReader
from edgelpr.benchmarks.summary import Summary, summarize
from edgelpr.benchmarks.timing import time_alternating

SAMPLES = 150
"""Calls of each graph that are timed."""

_CROPS = 8


@dataclass(frozen=True)
class Speed:
    """Network only, one crop at a time, taking turns in one run."""

    fp32: Summary
    """The bundle's fp32 graph."""

    before: Summary
    """The bundle's reduced graph as it was."""

    after: Summary
    """The reduced graph that keeps what was found."""

    @property
    def gain_before(self) -> float:
        """How many times as fast as fp32 the reduced graph was."""
        return self.fp32.p50 / self.before.p50

    @property
    def gain_after(self) -> float:
        """How many times as fast as fp32 it is with what it keeps."""
        return self.fp32.p50 / self.after.p50

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; times in milliseconds."""
        times = {name: vars(getattr(self, name)) for name in ("fp32", "before", "after")}
        return {"gain_before": self.gain_before, "gain_after": self.gain_after, **times}


def measure_speed(
    exact: GraphReader, reduced: GraphReader, after: onnx.ModelProto, plates: PreparedPlates, samples: int = SAMPLES
) -> Speed:
    """Time three graphs.

    Args:
        exact: reads with the bundle's fp32 graph.
        reduced: with the reduced one.
        after: the reduced graph with what it keeps.
        plates: what is read.
        samples: calls of each.
    """
    with ExitStack() as stack:
        opened = {"fp32": exact.open(), "before": reduced.open(), "after": reduced.open(after)}
        engines = {name: stack.enter_context(closing(engine)) for name, engine in opened.items()}
        crops = [plates.crops[index : index + 1] for index in range(min(_CROPS, len(plates.crops)))]
        times = time_alternating({name: engine.run for name, engine in engines.items()}, dict.fromkeys(engines, crops), samples)
    return Speed(**{name: summarize(taken) for name, taken in times.items()})
