"""Stand-ins for the benchmark harness: a clock that goes on when it is told to, and a device that computes on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sample_results import make_result, make_run

from edgelpr.benchmarks.bench.assembling import Subject
from edgelpr.benchmarks.bench.crops import Rotation, rotation_of
from edgelpr.benchmarks.bench.duration import Span
from edgelpr.benchmarks.bench.figures import figures_of
from edgelpr.benchmarks.bench.reader import BaseReader
from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.bench.run import Model, Run
from edgelpr.errors import BackendError

MICROSECOND, MILLISECOND = 1_000, 1_000_000


class FakeClock:
    """Nanoseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 10**12
        self.asleep = self.set_forward = 0

    def advance(self, nanoseconds: int) -> None:
        self.now += nanoseconds

    def ticks(self) -> int:
        return self.now

    def wall(self) -> int:
        return self.now + self.asleep + self.set_forward

    def boot(self) -> int:
        return self.now + self.asleep


class SteppingClock(FakeClock):
    """Goes on by a step whenever it is read: everything ends without waiting.

    Args:
        step: nanoseconds.
    """

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def ticks(self) -> int:
        self.now += self.step
        return self.now


class FakeDevice(BaseReader):
    """Asynchronous, as a GPU: a call returns after ``launch``, the device needs ``compute`` a plate."""

    backend, description, device, height_width = "fake", "fake device", "Fake GPU", (50, 160)

    def __init__(self, clock: FakeClock, launch: int = 10 * MICROSECOND, compute: int = MILLISECOND) -> None:
        self.clock, self.launch, self.compute = clock, launch, compute
        self.free_at = 0
        self.seen: list[bytes] = []
        self.batches: set[int] = set()
        self.broken: str | None = None
        self.times: Mapping[str, float] | None = None

    def run_network(self, prepared: Any) -> None:
        if self.broken:
            raise BackendError(self.broken)
        self.seen.append(prepared.tobytes())
        self.batches.add(len(prepared))
        self.clock.advance(self.launch)
        self.free_at = max(self.free_at, self.clock.now) + self.compute * len(prepared)

    def synchronise(self) -> None:
        self.clock.now = max(self.clock.now, self.free_at)

    def read(self, crops: Sequence[Any]) -> list[str]:
        self.run_network(self.prepare(self.network_input(crops)))
        self.synchronise()
        return ["A1"] * len(crops)

    def gpu_ms(self, prepared: Any) -> Mapping[str, float] | None:
        return self.times


SPAN = Span("quick", 0.2, 64, 10.0, 2.0, 200, 3)


def rotation(count: int = 8) -> Rotation:
    """Distinct crops of noise."""
    rng = np.random.default_rng(0)
    return rotation_of([rng.integers(0, 256, (24, 94, 3), dtype=np.uint8) for _ in range(count)], "noise")


def subject(reader: BaseReader, batch: int = 4, **changes: Any) -> Subject:
    return Subject(reader, Model("sample", "hpa-nano", "cn", "a" * 64), rotation(), batch, **changes)


def sample_run(samples: Sequence[int] = tuple(range(1000, 1100)), **changes: Any) -> Run:
    """A run of these samples, with the right figures."""
    plates = changes.pop("plates", len(samples))
    values = {
        "model": Model("plates", "hpa-nano", "cn", "a" * 64),
        "samples_ns": tuple(samples),
        "summary": figures_of(samples, plates),
    }
    return replace(make_run(**(values | changes)), plates=plates)


MACHINE = {
    "processor": "Some CPU",
    "cores": 2,
    "system": "Linux x86_64",
    "python": "3.11.7",
    "versions": {"numpy": "2.0", "onnxruntime": "1.20", "torch": "2.6"},
    "power_mode": "15W",
    "before": {},
    "after": {},
}


def sample_result(*runs: Run, **changes: Any) -> BenchResult:
    """A result with one run unless others are given."""
    values = {"edgelpr_version": "0.1.0", "machine": MACHINE, "peaks": ()}
    return make_result(*(runs or (sample_run(),)), **(values | changes))
