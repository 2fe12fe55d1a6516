"""What speaks against taking figures at their word."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.drifting import drifts
from edgelpr.benchmarks.report.document import Section, Table, section
from edgelpr.benchmarks.report.naming import NamedResult, NamedRun

MACHINE = ("processor", "cores", "system")
"""What tells machines apart, as keys of a result's ``machine``."""


_SHORT = ", and its last run is shorter than it was to be"


def differences(results: Sequence[NamedResult]) -> list[str]:
    """Why figures side by side may not compare."""
    found = [
        f"{file}: was interrupted; what was measured until then is shown{_SHORT if result.cut_short is not False else ''}"
        for file, result in results
        if result.interrupted
    ]
    if len(results) > 1:
        known = [{run.model.name for run in result.runs} for _, result in results]
        if any(names != known[0] for names in known):
            found.append(
                "The results are of different models. They stand side by side; "
                "'edgelpr bench compare' compares runs of one model"
            )
        machines = {tuple(str(result.machine.get(key)) for key in MACHINE) for _, result in results}
        if len(machines) > 1:
            found.append("The results are of different machines; a difference may be the machine's")
    durations = {run.duration for _, result in results for run in result.runs}
    if "quick" in durations:
        found.append("Some runs are quick ones: they show that it works, not how fast it is")
    return found


def doubts_section(results: Sequence[NamedResult], runs: Sequence[NamedRun]) -> Section | None:
    """Warnings, disturbances and what did not finish."""
    rows = [(name, "warning", text) for name, run in runs for text in run.warnings]
    rows += _drifts(results, runs)
    rows += [(name, "disturbance", text) for name, run in runs for text in run.disturbances]
    rows += [(name, "warm-up", "no steady state was found") for name, run in runs if not run.warm_up.steady]
    rows += [
        (
            f"{file}: {f'{each.model}, ' if each.model else ''}{each.scenario}, {each.scope}, batch {each.batch}",
            "failed",
            f"after {each.calls} calls: {each.error}",
        )
        for file, result in results
        for each in result.failures
    ]
    return section("Warnings", [Table(("run", "kind", "what"), tuple(rows))]) if rows else None


def _drifts(results: Sequence[NamedResult], runs: Sequence[NamedRun]) -> list[tuple[str, str, str]]:
    names = {id(run): name for name, run in runs}
    return [(names[id(drift.run)], "warning", drift.text) for _, result in results for drift in drifts(result.runs)]
