"""How runs are called in tables and charts."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.bench.run import Run

NamedResult = tuple[str, BenchResult]
"""The name of a file, without its path, and what is in it."""

FileRun = tuple[str, Run]
"""The name of a file, and a run in it."""

NamedRun = tuple[str, Run]
"""A name that no other run of the report has, and the run."""


def name_runs(runs: Sequence[FileRun]) -> list[NamedRun]:
    """Name runs by what tells them apart, and no more.

    Args:
        runs: each with the name of its file, which is used where two would be called alike.
    """
    several = {part for part in _PARTS if len({_part(run, part) for _, run in runs}) > 1}
    names = [", ".join([run.model.name, *(_part(run, part) for part in _PARTS if part in several)]) for _, run in runs]
    files = {file for file, _ in runs}
    named: list[NamedRun] = []
    taken: set[str] = set()
    for name, (file, run) in zip(names, runs):
        full = f"{name} ({file})" if len(files) > 1 and names.count(name) > 1 else name
        unique, number = full, 1
        while unique in taken:
            number += 1
            unique = f"{full} #{number}"
        taken.add(unique)
        named.append((unique, run))
    return named


_PARTS = ("backend", "precision", "device", "scenario", "scope", "batch", "threads")


def _part(run: Run, part: str) -> str:
    value = getattr(run, part)
    if part == "batch":
        return f"batch {value}"
    if part == "threads":
        return "threads not set" if value is None else f"{value} thread{'s' if value > 1 else ''}"
    return str(value)
