"""From results to a document."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.paper_table.document import paper_section
from edgelpr.benchmarks.paper_table.published import PUBLISHED
from edgelpr.benchmarks.paper_table.table import paper_rows
from edgelpr.benchmarks.report.device import layers_section, roofline_section
from edgelpr.benchmarks.report.document import Document, Part, Section, Table, Text, cell, section
from edgelpr.benchmarks.report.doubts import MACHINE, differences, doubts_section
from edgelpr.benchmarks.report.environment import environment_table
from edgelpr.benchmarks.report.figures import accuracy_section, latency_section, offline_section, other_section
from edgelpr.benchmarks.report.naming import NamedResult, NamedRun, name_runs


def compose(results: Sequence[NamedResult], title: str | None = None) -> Document:
    """Everything that some results say; sections without a figure are left out.

    Args:
        results: at least one.
        title: of the report; by default what was timed.
    """
    found = [(file, run) for file, result in results for run in result.runs]
    runs = name_runs(found)
    sections = [
        _summary(results),
        _paper(results),
        latency_section(found),
        offline_section(found),
        other_section(found),
        accuracy_section(found),
        layers_section(results),
        roofline_section(results, runs),
        doubts_section(results, runs),
        _environment(results, runs),
    ]
    models = list(dict.fromkeys(run.model.name for _, run in runs))
    shown = "; ".join(models[:3]) + (f" and {len(models) - 3} more" if len(models) > 3 else "")
    return Document(title or f"edgelpr bench: {shown or 'nothing was measured'}", tuple(each for each in sections if each))


def _summary(results: Sequence[NamedResult]) -> Section | None:
    header = ("file", "when", "edgelpr", "machine", "models", "runs")
    rows = []
    for file, result in results:
        models = "; ".join(dict.fromkeys(run.model.name for run in result.runs))
        machine = ", ".join(str(result.machine[key]) for key in MACHINE if result.machine.get(key) is not None)
        runs = f"{len(result.runs)}, interrupted" if result.interrupted else str(len(result.runs))
        rows.append((file, result.when, result.edgelpr_version, machine, models, runs))
    parts: list[Part | None] = [Table(header, tuple(rows), right=("runs",), caption="Results in this report")]
    parts += [Text(f"{file}: {note}") for file, result in results for note in result.notes]
    return section("What was measured", [*parts, *(Text(each, warning=True) for each in differences(results))])


def _paper(results: Sequence[NamedResult]) -> Section | None:
    """Only where a network of a paper was timed by itself, as the papers did."""
    theirs = [
        run
        for _, result in results
        for run in result.runs
        if run.model.architecture in PUBLISHED and run.batch == 1 and run.scope == "network only"
    ]
    found = [result for _, result in results]
    return paper_section(paper_rows(found), found) if theirs else None


def _environment(results: Sequence[NamedResult], runs: Sequence[NamedRun]) -> Section | None:
    header = ("run", "engine", "graph", "engine file", "multiply-adds", "parameters", "warm-up calls", "crops")
    rows = [
        (
            name,
            f"{run.runtime} ({run.device})",
            (run.model.graph_sha256 or "")[:12],
            (run.model.engine_sha256 or "")[:12],
            cell(run.model.multiply_adds, 0),
            cell(run.model.parameters, 0),
            str(run.warm_up.calls),
            f"{run.crops.count}, {run.crops.source}, {run.crops.sha256[:12]}",
        )
        for name, run in runs
    ]
    models = Table(header, tuple(rows), right=("multiply-adds", "parameters", "warm-up calls"), caption="What ran")
    return section("Environment", [*(environment_table(file, result) for file, result in results), models])
