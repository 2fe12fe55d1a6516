"""Figures of one model that contradict each other: text from crop in less time than the network alone takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edgelpr.benchmarks.bench.run import Run

_WHY = "they were measured one after the other and differ by less than this machine's speed varies, so neither is exact"


class Drift(NamedTuple):
    """A median or a p90 that cannot be right beside the other one."""

    run: Run
    """End to end."""

    figure: str
    """``p50`` or ``p90``."""

    end_to_end_ms: float
    """Of decoded crop to text."""

    network_ms: float
    """Of the network alone, which is a part of it."""

    @property
    def text(self) -> str:
        """What to say of it."""
        whole, part = f"{self.end_to_end_ms:.2f} ms", f"{self.network_ms:.2f} ms"
        return f"end to end has a {self.figure} of {whole}, network only one of {part}: {_WHY}"

    @property
    def note(self) -> str:
        """The same with the model's name."""
        return f"{self.run.model.name}, {self.run.backend}, {self.run.precision}: {self.text}"


def drifts(runs: Sequence[Run]) -> list[Drift]:
    """Every median and p90, end to end, below that of network only, of one model, engine, precision and number of threads.

    Args:
        runs: of one result; those of a single stream are looked at.
    """
    single = [run for run in runs if run.scenario == "single-stream"]
    alone = {_place(run): run for run in single if run.scope == "network only"}
    pairs = [(run, alone.get(_place(run))) for run in single if run.scope == "end to end"]
    return [drift for run, network in pairs if network is not None for drift in _between(run, network)]


def _between(run: Run, network: Run) -> list[Drift]:
    whole, part = run.summary, network.summary
    both = (("p50", whole.p50_ms, part.p50_ms), ("p90", whole.p90_ms, part.p90_ms))
    return [Drift(run, name, a, b) for name, a, b in both if a is not None and b is not None and a < b]


def _place(run: Run) -> tuple[object, ...]:
    """What both runs have in common."""
    model = run.model
    return model.name, model.weights_sha256, run.backend, run.precision, run.device, run.threads, run.batch
