"""From samples to a run of a result, with everything that has to be said beside its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgelpr.benchmarks.bench.cold import ColdTaken
from edgelpr.benchmarks.bench.crops import Rotation
from edgelpr.benchmarks.bench.duration import PAPER_PASSES
from edgelpr.benchmarks.bench.figures import figures_of, gpu_medians, warnings_of
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.run import Accuracy, CacheAudit, Model, Run, WarmUp
from edgelpr.benchmarks.bench.sampling import Taken
from edgelpr.benchmarks.bench.scenarios import PAPER_SCENARIOS
from edgelpr.types import BenchDuration, Scenario, Scope


@dataclass(frozen=True)
class Subject:
    """What is timed."""

    reader: Reader
    """Opened; who opened it closes it."""

    model: Model
    """For the result."""

    rotation: Rotation
    """What it reads."""

    batch: int = 1
    """Plates that ``offline`` hands to the network at once."""

    cold: Mapping[str, Any] | None = None
    """Arguments of ``Recognizer.open`` for a cold start, plain values; None: it cannot be started anew."""

    accuracy: Accuracy | None = None
    """Of the same reader."""


@dataclass(frozen=True)
class Sampled:
    """What came of one scenario."""

    scenario: Scenario
    """How plates came."""

    scope: Scope
    """What a sample covers."""

    batch: int
    """Plates that went through the network at once."""

    plates: int
    """Of one sample."""

    taken: Taken
    """The samples."""

    warmed: WarmUp
    """What came before."""

    audit: CacheAudit | None
    """Of the caches."""

    disturbed: tuple[str, ...] = ()
    """What else the machine did."""

    joules: float | None = None
    """Drawn meanwhile."""

    behind: float = 0.0
    """Milliseconds that the device went on after the paper's loop."""

    gpu: tuple[Mapping[str, float], ...] = ()
    """By events of the device, of calls after the samples."""


def run_of(subject: Subject, sampled: Sampled, duration: BenchDuration) -> Run:
    """A run with its figures and what is to be said beside them.

    Args:
        subject: what was timed.
        sampled: at least one sample, and no error.
        duration: how long it was to last.
    """
    reader, taken = subject.reader, sampled.taken
    plates = sampled.plates * len(taken.samples)
    figures, gpu = figures_of(taken.samples, plates), gpu_medians(sampled.gpu)
    return Run(
        model=replace(subject.model, engine_sha256=reader.engine_sha256),
        backend=reader.backend,
        runtime=reader.description,
        device=reader.device,
        precision=reader.precision,
        scenario=sampled.scenario,
        scope=sampled.scope,
        batch=sampled.batch,
        threads=reader.threads,
        duration=duration,
        crops=subject.rotation.record,
        warm_up=sampled.warmed,
        samples_ns=tuple(taken.samples),
        plates=plates,
        seconds=round(taken.seconds, 6),
        summary=figures,
        cache_audit=sampled.audit,
        warnings=(*_remarks(reader, sampled), *warnings_of(figures, sampled.audit, gpu)),
        disturbances=sampled.disturbed,
        gpu_ms=gpu,
        parts_ms=taken.parts_ms() if isinstance(taken, ColdTaken) else None,
        energy_joules_per_plate=None if sampled.joules is None else round(sampled.joules / plates, 6),
        accuracy=subject.accuracy,
        transfers=reader.transfers if sampled.scope == "network only" else None,
    )


def _remarks(reader: Reader, sampled: Sampled) -> list[str]:
    """What a reader of the figures has to know and would not see."""
    found, samples = [], sampled.taken.samples
    if sampled.scenario != "cold-start" and not sampled.warmed.steady:
        found.append(f"no steady state within {sampled.warmed.seconds:.1f} s of warming up: figures may still be drifting")
    if sampled.scenario in PAPER_SCENARIOS and len(samples) < PAPER_PASSES:
        found.append(f"mean of {len(samples)} passes; the paper's is of {PAPER_PASSES}")
    if sampled.scenario in PAPER_SCENARIOS and reader.backend != "torch":
        found.append(f"the paper's loop on {reader.backend}; the authors timed PyTorch, eager, fp32")
    if sampled.behind > 2 * sum(samples) / len(samples) / 1e6:
        found.append(
            f"the device went on for {sampled.behind:.3f} ms after the loop had ended: its mean is no latency, since nothing "
            "waited for the device ('paper-synchronised' does)"
        )
    if sampled.scope == "network only" and reader.transfers == "included":
        found.append("timed by the processor: copies to and from the GPU are included")
    return found
