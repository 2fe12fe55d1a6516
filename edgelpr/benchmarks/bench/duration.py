"""How long is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgelpr.benchmarks.summary import NEEDED_P90, NEEDED_P99
from edgelpr.errors import UsageError
from edgelpr.types import BenchDuration

PAPER_PASSES = 5000
"""Forward passes whose mean the HPA paper gives."""


@dataclass(frozen=True)
class Span:
    """Bounds of one scenario; which of them ended it shows in the number of samples."""

    kind: BenchDuration
    """For the result."""

    seconds: float
    """At least, unless ``most`` samples come first."""

    least: int
    """Samples that are waited for beyond ``seconds``."""

    bound: float
    """Seconds after which nothing is waited for."""

    warm_up: float
    """Seconds after which a steady state is given up."""

    passes: int
    """Of the paper's loop."""

    processes: int
    """Cold starts."""


_SPANS: Mapping[BenchDuration, Span] = {
    "quick": Span("quick", 0.5, NEEDED_P90, 10.0, 2.0, 200, 3),
    "default": Span("default", 10.0, NEEDED_P99, 120.0, 20.0, PAPER_PASSES, 10),
    "official": Span("official", 600.0, NEEDED_P99, 3600.0, 60.0, PAPER_PASSES, 20),
}


def span_of(kind: BenchDuration, seconds: float | None = None) -> Span:
    """The bounds of a duration.

    Args:
        kind: which.
        seconds: of ``custom``, for each scenario.

    Raises:
        UsageError: ``custom`` without a finite number of seconds above 0, or another with one.
    """
    if kind != "custom":
        if seconds is not None:
            raise UsageError(f"a number of seconds is for a duration of your own, not for '{kind}'")
        return _SPANS[kind]
    if seconds is None or not (math.isfinite(seconds) and seconds > 0):
        raise UsageError(f"duration is {seconds!r} seconds; expected more than 0, and that it ends")
    default = _SPANS["default"]
    return replace(default, kind="custom", seconds=seconds, least=1, bound=seconds, warm_up=min(default.warm_up, seconds))
