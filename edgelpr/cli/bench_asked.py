"""What the user asked ``edgelpr bench run`` for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgelpr.benchmarks.bench.duration import Span
from edgelpr.cli.bench_peers import Peers
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendChoice, LabelFormat, Precision, Scenario, Scope


@dataclass(frozen=True)
class BenchJob:
    """The options of ``edgelpr bench run`` in their order."""

    bundle: Path
    images: Path | None
    seed: int
    backend: BackendChoice
    use: EngineUse
    precision: Precision
    scenarios: tuple[Scenario, ...]
    scopes: tuple[Scope, ...]
    batch: int
    threads: int | None
    span: Span
    profile: bool
    labels: Path | None
    label_format: LabelFormat
    peers: Peers
    output: Path | None
    as_json: bool
