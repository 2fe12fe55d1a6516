"""Sections of a report on what computes: layers, and the roofline."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.run import Model, Run
from edgelpr.benchmarks.paper_table.peaks_table import peaks_origin
from edgelpr.benchmarks.report.charts import layer_chart, roofline_chart
from edgelpr.benchmarks.report.document import Part, Section, Table, Text, cell, section
from edgelpr.benchmarks.report.naming import NamedResult, NamedRun
from edgelpr.benchmarks.report.svg import Point

_LAYERS = ("layer", "operator", "microseconds", "share")


def layers_section(results: Sequence[NamedResult]) -> Section | None:
    """Where the time of a pass goes, where the result has a profile."""
    parts: list[Part | None] = []
    for file, result in results:
        for profile in result.profiles:
            name = f"{file}: {profile.backend}, {profile.precision}, batch {profile.batch}"
            total = sum(layer.microseconds for layer in profile.layers) or 1.0
            rows = tuple(
                (layer.name, layer.operator, cell(layer.microseconds, 1), f"{layer.microseconds / total:.1%}")
                for layer in profile.layers
            )
            parts.append(layer_chart(name, [(layer.name, layer.microseconds / 1e3) for layer in profile.layers]))
            parts.append(Table(_LAYERS, rows, right=_LAYERS[2:], caption=name))
    words = (
        [Text("Measuring layers costs time, so that their sum is no latency; compare them with each other.")] if parts else []
    )
    return section("Layers", [*words, *parts])


def roofline_section(results: Sequence[NamedResult], runs: Sequence[NamedRun]) -> Section | None:
    """Networks below the roof of their device, where its peaks are known."""
    parts: list[Part | None] = []
    names = {id(run): name for name, run in runs}
    for _, result in results:
        for peaks in result.peaks:
            found = {names[id(run)]: _point(run) for run in result.runs if run.device == peaks.device}
            points = {name: point for name, point in found.items() if point is not None}
            parts += [roofline_chart(peaks.flops, peaks.bytes_per_second, points)]
            parts += [Text(f"{peaks.device}: {peaks_origin(peaks, result.when)}")] if points else []
    return section("Roofline, fp32, network only", parts)


def _point(run: Run) -> Point | None:
    """Operations a byte and a second, of a single stream in fp32; None of another run, or where they are not known."""
    work, single = _work(run.model), run.scenario == "single-stream" and run.scope == "network only"
    if not single or run.precision != "fp32" or run.summary.p50_ms <= 0 or work is None:
        return None
    operations, traffic = work
    return operations / traffic, operations / (run.summary.p50_ms / 1e3)


def _work(model: Model) -> tuple[int, int] | None:
    """Operations and compulsory bytes of a plate; None where either is not known."""
    adds, traffic = model.multiply_adds or 0, model.compulsory_bytes or 0
    return (2 * adds, traffic) if adds > 0 and traffic > 0 else None
