"""Sections of a report that hold figures."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.run import Run
from edgelpr.benchmarks.paper_table.frames import disturbed
from edgelpr.benchmarks.report.charts import (
    accuracy_chart,
    distribution_chart,
    histogram_chart,
    throughput_chart,
)
from edgelpr.benchmarks.report.document import EMPTY, Part, Section, Table, Text, cell, section
from edgelpr.benchmarks.report.naming import FileRun, name_runs
from edgelpr.benchmarks.report.svg import Point

_MOST_HISTOGRAMS = 6
_LATENCY = ("run", "p50 ms", "p90 ms", "p99 ms", "mean ms", "variation", "samples", "cache gain", "J a plate", "disturbed")
_OFFLINE = ("run", "batch", "plates a second", "variation", "samples", "J a plate", "disturbed")
_OTHER = ("run", "p50 ms", "mean ms", "plates a second", "samples", "variation", "disturbed")
_PARTS = ("run", "part", "median ms")


def latency_section(runs: Sequence[FileRun]) -> Section | None:
    """Single stream: percentiles, and the distributions they come from."""
    single = name_runs([each for each in runs if each[1].scenario == "single-stream"])
    if not single:
        return None
    samples = {name: [each / 1e6 for each in run.samples_ns] for name, run in single}
    table = Table(
        _LATENCY, tuple(_latency(name, run) for name, run in single), right=_LATENCY[1:-1], caption="Latency of one plate"
    )
    histograms = [histogram_chart(name, values) for name, values in list(samples.items())[:_MOST_HISTOGRAMS]]
    words = Text(
        "Batch 1, the next plate starts when the last has ended. A p90 needs 64 samples, a p99 662; with fewer the cell is "
        "empty. No outlier is dropped."
    )
    return section("Single stream", [table, words, distribution_chart(samples), *histograms])


def offline_section(runs: Sequence[FileRun]) -> Section | None:
    """Throughput, and how it depends on the batch."""
    offline = name_runs([each for each in runs if each[1].scenario == "offline"])
    if not offline:
        return None
    table = Table(_OFFLINE, tuple(_offline(name, run) for name, run in offline), right=_OFFLINE[1:-1], caption="Throughput")
    series: dict[str, list[Point]] = {}
    for _, run in offline:
        name = f"{run.model.name}, {run.backend}, {run.precision}, {run.scope}, threads {run.threads or 'not set'}"
        series.setdefault(name, []).append((float(run.batch), run.summary.plates_per_second))
    return section("Offline", [table, Text("Everything at once, in batches."), throughput_chart(series)])


def other_section(runs: Sequence[FileRun]) -> Section | None:
    """The papers' protocols, and cold starts."""
    other = name_runs([each for each in runs if each[1].scenario not in ("single-stream", "offline")])
    if not other:
        return None
    table = Table(_OTHER, tuple(_other(name, run) for name, run in other), right=_OTHER[1:-1], caption="Other scenarios")
    rows = [(name, part, cell(value, 1)) for name, run in other for part, value in (run.parts_ms or {}).items()]
    parts: list[Part | None] = [table]
    if rows:
        parts.append(Table(_PARTS, tuple(rows), right=("median ms",), caption="What a cold start is made of"))
    if any(run.scenario == "paper" for _, run in other):
        parts.append(
            Text(
                "'paper' reads the clock around calls that may return before the device is done, as the HPA authors' published "
                "loop does; 'paper-synchronised' waits in every pass. Only the second is a latency."
            )
        )
    return section("Papers' protocols and cold starts", parts)


def accuracy_section(runs: Sequence[FileRun]) -> Section | None:
    """Accuracy of what was timed, against its speed."""
    measured = name_runs([each for each in runs if each[1].accuracy is not None and each[1].scenario == "single-stream"])
    points: dict[str, Point] = {}
    rows = []
    for name, run in measured:
        found = run.accuracy
        if found is not None and found.plates > 0:
            share = 100 * found.correct / found.plates
            points[name] = (run.summary.p50_ms, share)
            rows.append(
                (
                    name,
                    f"{found.correct} of {found.plates}",
                    f"{share:.2f}",
                    cell(run.summary.p50_ms),
                    ", ".join(filter(None, (found.data, found.data_sha256[:12]))),
                    "its card" if found.from_card else "measured",
                )
            )
    if not rows:
        return None
    header = ("run", "plates right", "per cent", "p50 ms", "data", "from")
    table = Table(header, tuple(rows), right=("per cent", "p50 ms"), caption="Whole plates right")
    words = Text(
        "Measured: of the very network that was timed. From its card: of a graph of that kind; it was not measured here."
    )
    return section("Accuracy and speed", [table, words, accuracy_chart(points)])


def _latency(name: str, run: Run) -> tuple[str, ...]:
    figures, audit = run.summary, run.cache_audit
    gain = EMPTY if audit is None else f"{audit.gain:.1%}"
    return (
        name,
        cell(figures.p50_ms, 3),
        cell(figures.p90_ms, 3),
        cell(figures.p99_ms, 3),
        cell(figures.mean_ms, 3),
        f"{figures.variation:.1%}",
        f"{len(run.samples_ns):,}",
        gain,
        cell(run.energy_joules_per_plate, 4),
        disturbed([run]),
    )


def _offline(name: str, run: Run) -> tuple[str, ...]:
    figures = run.summary
    return (
        name,
        str(run.batch),
        cell(figures.plates_per_second, 1),
        f"{figures.variation:.1%}",
        f"{len(run.samples_ns):,}",
        cell(run.energy_joules_per_plate, 4),
        disturbed([run]),
    )


def _other(name: str, run: Run) -> tuple[str, ...]:
    figures = run.summary
    speed = EMPTY if run.scenario == "cold-start" else cell(figures.plates_per_second, 1)
    return (
        name,
        cell(figures.p50_ms, 3),
        cell(figures.mean_ms, 3),
        speed,
        f"{len(run.samples_ns):,}",
        f"{figures.variation:.1%}",
        disturbed([run]),
    )
