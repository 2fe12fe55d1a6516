"""Measuring scenario after scenario; what was measured stays, whatever happens next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edgelpr import __version__
from edgelpr.benchmarks.bench.assembling import Sampled, Subject, run_of
from edgelpr.benchmarks.bench.audit import audit_cache
from edgelpr.benchmarks.bench.clock import Clock, SystemClock
from edgelpr.benchmarks.bench.cold import ColdTaken, Start, take_cold_starts
from edgelpr.benchmarks.bench.computing_gpu import ComputingGpu, find_gpu
from edgelpr.benchmarks.bench.disturbances import disturbances_between, look, throttling
from edgelpr.benchmarks.bench.drifting import drifts
from edgelpr.benchmarks.bench.duration import Span
from edgelpr.benchmarks.bench.energy import CounterMeter, Meter, open_meter
from edgelpr.benchmarks.bench.environment import changes, describe_environment, describe_state, gpu_clocks
from edgelpr.benchmarks.bench.nvml import Nvml
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.result import BenchResult, Failure, Profile
from edgelpr.benchmarks.bench.run import Run, WarmUp
from edgelpr.benchmarks.bench.sampling import Progress, Taken, take
from edgelpr.benchmarks.bench.scenarios import limit_of, plan_calls
from edgelpr.benchmarks.bench.warming import warm_up
from edgelpr.cuda.probing import Probe, probe
from edgelpr.devices.machine import ROOT
from edgelpr.errors import EdgelprError, UsageError
from edgelpr.types import Scenario, Scope

_EVENTS = 100

Tell = Callable[[str, float], None]
"""Told what is going on, and which share of it is done."""


@dataclass(frozen=True)
class Surroundings:
    """The machine as the harness reaches it, so that stand-ins can take its place."""

    clock: Clock = field(default_factory=SystemClock)
    """What times are read from."""

    root: Path = ROOT
    """Of the file system."""

    nvml: Nvml | None = None
    """NVIDIA's management library, where it is there."""

    gpu: int = 0
    """Number, as CUDA counts, of the GPU that computes where a reader does not know it: its energy is counted."""

    ask_cuda: Callable[[], Probe] = probe
    """For the GPUs that CUDA shows this process."""

    start: Start | None = None
    """Starts a process for a cold start; None: a real one."""


@dataclass
class Measurement:
    """Collects runs; ``result`` may be asked for at any time."""

    span: Span
    """How long each scenario is measured."""

    surroundings: Surroundings = field(default_factory=Surroundings)
    """Clock and machine."""

    tell: Tell = lambda what, share: None
    """Told how far it is."""

    profiles: list[Profile] = field(default_factory=list)
    """Added by the caller."""

    notes: list[str] = field(default_factory=list)
    """Added by the caller."""

    keep: Callable[[BenchResult], None] = lambda result: None
    """Given everything so far, marked as interrupted, whenever one more scenario is done with."""

    def __post_init__(self) -> None:
        surroundings = self.surroundings
        self.runs: list[Run] = []
        self.failures: list[Failure] = []
        self.interrupted = self._cut_short = False
        self._came_back = 0  # calls of the scenario in progress
        self._when = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._environment = describe_environment(surroundings.root, surroundings.nvml)
        self._before = describe_state(surroundings.root, surroundings.nvml)

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be measured: Ctrl-C, or a model that failed."""
        return self.interrupted or bool(self.failures)

    def measure(self, subject: Subject, scenario: Scenario, scope: Scope) -> Run | None:
        """Measure one scenario; None, and the reason in ``failures`` or ``interrupted``, where nothing came of it.

        Args:
            subject: what is timed.
            scenario: how plates come.
            scope: what a sample covers.

        Raises:
            UsageError: a scenario that the subject or the scope does not allow.
        """
        run = self._attempt(subject, scenario, scope)
        try:
            self.keep(replace(self.result(), interrupted=True))
        except KeyboardInterrupt:
            self.interrupted = True
        return run

    def result(self) -> BenchResult:
        """Everything so far."""
        after = describe_state(self.surroundings.root, self.surroundings.nvml)
        return BenchResult(
            edgelpr_version=__version__,
            when=self._when,
            machine={**self._environment, "before": self._before, "after": after},
            runs=tuple(self.runs),
            interrupted=self.interrupted,
            failures=tuple(self.failures),
            profiles=tuple(self.profiles),
            notes=(*self.notes, *changes(self._before, after), *(drift.note for drift in drifts(self.runs))),
            cut_short=self._cut_short,
        )

    def _attempt(self, subject: Subject, scenario: Scenario, scope: Scope) -> Run | None:
        self._came_back = 0
        try:
            self.tell(f"{scenario}, {scope}", 0.0)
            if scenario == "cold-start":
                return self._measure_cold(subject, scope)
            return self._measure_warm(subject, scenario, scope)
        except KeyboardInterrupt:  # no sample was being taken
            self.interrupted = True
        except UsageError:
            raise
        except EdgelprError as error:
            self._fail(subject, scenario, scope, subject.batch if scenario == "offline" else 1, error)
        return None

    def _measure_warm(self, subject: Subject, scenario: Scenario, scope: Scope) -> Run | None:
        reader, clock = subject.reader, self.surroundings.clock
        calls = plan_calls(reader, scenario, scope, subject.batch, subject.rotation.images)
        counted = self._counted(calls.call)
        limit = limit_of(scenario, self.span)

        def sample(progress: Progress) -> Taken:
            return take(calls.call, calls.items, clock, limit, progress)

        with self._meter(reader) as meter:  # ready before the device is warm: it would cool down meanwhile
            warmed = warm_up(counted, calls.items, clock, self.span.warm_up)
            reader.synchronise()  # what the paper's loop leaves behind does not belong to the first sample
            audit = audit_cache(counted, calls.items, clock) if scenario == "single-stream" else None
            taken, disturbed, joules = self._watched(f"{scenario}, {scope}", reader, sample, meter)
        behind = self._drain(reader) if scenario == "paper" else 0.0
        gpu = () if taken.interrupted or taken.error else _events(reader, calls.inputs)
        sampled = Sampled(scenario, scope, calls.batch, calls.plates, taken, warmed, audit, disturbed, joules, behind, gpu)
        return self._keep(subject, sampled)

    def _measure_cold(self, subject: Subject, scope: Scope) -> Run | None:
        if subject.cold is None:
            raise UsageError("a cold start is measured of a bundle, which a fresh process can open")
        if scope != "end to end":
            raise UsageError("a cold start ends with a text: it is measured end to end; leave out '--scope network'")
        cold, images = subject.cold, subject.rotation.images

        def sample(progress: Progress) -> Taken:
            return take_cold_starts(cold, images, self.span.processes, progress, self.surroundings.start)

        taken, disturbed, _ = self._watched("cold-start, end to end", subject.reader, sample, None)
        return self._keep(subject, Sampled("cold-start", scope, 1, 1, taken, WarmUp(0, 0.0, False), None, disturbed))

    def _watched(
        self, what: str, reader: Reader, sample: Callable[[Progress], Taken], meter: Meter | None
    ) -> tuple[Taken, tuple[str, ...], float | None]:
        """Take samples while the machine is watched: what disturbed them, and the energy."""
        around = self.surroundings
        clocks = self._gpu_clocks(reader)
        before = look(around.clock, around.root)
        if meter is not None:  # nothing else between it and the samples: that would be energy of no plate
            meter.start()
        taken = sample(lambda share: self.tell(what, share))
        joules = None if meter is None else meter.stop()
        after = look(around.clock, around.root)
        self._came_back += len(taken.samples)
        if isinstance(taken, ColdTaken):
            after = after.with_children(taken.children)
        slower = throttling(clocks, self._gpu_clocks(reader))
        return taken, (*disturbances_between(before, after), *slower), joules

    @contextmanager
    def _meter(self, reader: Reader) -> Iterator[Meter | None]:
        """What tells the energy of a reader's device, ready to start; None where nothing does."""
        around, gpu = self.surroundings, self._gpu_of(reader)
        meter = open_meter(around.root, around.clock, around.nvml, None if gpu is None else gpu.number)
        if isinstance(meter, CounterMeter) and gpu is not None and gpu.remark is not None and gpu.remark not in self.notes:
            self.notes.append(gpu.remark)
        try:
            yield meter
        finally:
            if meter is not None:
                meter.close()

    def _gpu_of(self, reader: Reader) -> ComputingGpu | None:
        """Where the management library finds it; None where the processor computes, or there is no library."""
        around = self.surroundings
        if around.nvml is None or reader.device == "CPU":
            return None
        return find_gpu(around.nvml, around.gpu if reader.gpu is None else reader.gpu, around.ask_cuda)

    def _counted(self, call: Callable[[Any], object]) -> Callable[[Any], object]:
        """The same call, counted; samples are counted afterwards, since counting takes time."""

        def counted(item: Any) -> object:
            found = call(item)
            self._came_back += 1
            return found

        return counted

    def _gpu_clocks(self, reader: Reader) -> Sequence[int | None]:
        """MHz now; none where the processor computes."""
        around = self.surroundings
        return () if reader.device == "CPU" else gpu_clocks(describe_state(around.root, around.nvml))

    def _drain(self, reader: Reader) -> float:
        """Milliseconds that the device still works when the paper's loop has ended; not part of its samples."""
        start = self.surroundings.clock.ticks()
        reader.synchronise()
        return (self.surroundings.clock.ticks() - start) / 1e6

    def _keep(self, subject: Subject, sampled: Sampled) -> Run | None:
        taken = sampled.taken
        self.interrupted = self.interrupted or taken.interrupted
        if taken.error is not None:
            self._fail(subject, sampled.scenario, sampled.scope, sampled.batch, taken.error)
        elif taken.samples:
            run = run_of(subject, sampled, self.span.kind)
            self.runs.append(run)
            self._cut_short = taken.interrupted
            return run
        return None

    def _fail(self, subject: Subject, scenario: Scenario, scope: Scope, batch: int, error: EdgelprError) -> None:
        self.failures.append(Failure(scenario, scope, batch, self._came_back, str(error), subject.model.name))


def _events(reader: Reader, inputs: Sequence[Any]) -> tuple[Mapping[str, float], ...]:
    """Calls between events of the device, after the samples; none where the backend has no events."""
    if not inputs or reader.gpu_ms(inputs[0]) is None:
        return ()
    found = (reader.gpu_ms(inputs[number % len(inputs)]) for number in range(_EVENTS))
    return tuple(times for times in found if times is not None)
