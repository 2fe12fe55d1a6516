"""The environment of a result as rows of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.paper_table.peaks_table import peaks_origin
from edgelpr.benchmarks.report.document import EMPTY, Table

_DEEPEST = 8


def environment_table(file: str, result: BenchResult) -> Table:
    """Everything that the result says of its machine, one value a row."""
    rows: list[tuple[str, str]] = [("edgelpr", result.edgelpr_version), ("when", result.when)]
    rows += _flat(result.machine, "", 0)
    for peaks in result.peaks:
        rows.append((f"peak of {peaks.device}, fp32", f"{peaks.flops / 1e9:,.1f} G operations a second"))
        if peaks.int8_operations is not None:
            rows.append((f"peak of {peaks.device}, int8", f"{peaks.int8_operations / 1e9:,.1f} G operations a second"))
        rows.append((f"memory of {peaks.device}", f"{peaks.bytes_per_second / 1e9:,.1f} GB a second"))
        rows.append((f"peaks of {peaks.device} by", peaks_origin(peaks, result.when)))
    return Table(("what", "value"), tuple(rows), caption=file)


def _flat(value: Any, name: str, depth: int) -> list[tuple[str, str]]:
    """Nested values with their keys joined; a list of plain values in one cell."""
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return [row for key, each in value.items() for row in _flat(each, f"{name} {key}".strip(), depth + 1)]
    if isinstance(value, (list, tuple)):
        if any(isinstance(each, Mapping) for each in value) and depth < _DEEPEST:
            return [row for number, each in enumerate(value, 1) for row in _flat(each, f"{name} {number}", depth + 1)]
        return [(name, ", ".join(map(str, value)) or EMPTY)]
    return [(name, EMPTY if value is None else str(value))]
