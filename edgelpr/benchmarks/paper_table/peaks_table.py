"""Peaks of devices as text: how high, how they came about, and when."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.result import BenchResult, Peaks
from edgelpr.benchmarks.report.document import EMPTY, Table, cell

RATES = {"fp32": "flops", "int8": "int8_operations", "memory": "bytes_per_second"}
"""Fields of ``Peaks`` by the names that ``Peaks.measured`` has for them."""

_HEADER = ("device", "fp32 GFLOP/s", "int8 G operations/s", "memory GB/s", "how and when")


def peaks_table(results: Sequence[BenchResult]) -> Table | None:
    """What shares and bounds are of; None where no peak is known."""
    rows = [
        (
            peaks.device,
            cell(peaks.flops / 1e9, 1),
            EMPTY if peaks.int8_operations is None else cell(peaks.int8_operations / 1e9, 1),
            cell(peaks.bytes_per_second / 1e9, 1),
            peaks_origin(peaks, result.when),
        )
        for result in results
        for peaks in result.peaks
    ]
    return Table(_HEADER, tuple(rows), right=_HEADER[1:-1], caption="Peaks of the devices") if rows else None


def how_measured(peaks: Peaks) -> str:
    """How, without when: older results always spoke of the same run, also of peaks that they had taken over."""
    return peaks.source.replace("measured in the same run, ", "measured, ")


def peaks_origin(peaks: Peaks, when: str) -> str:
    """How and when peaks came about, for people.

    Args:
        peaks: of a result.
        when: that result's last start.
    """
    dates = peaks.measured or {}
    said = ", ".join(
        f"{' and '.join(name for name in dates if dates[name] == date)} {date}" for date in dict.fromkeys(dates.values())
    )
    if not dates:
        return how_measured(peaks)
    if len(set(dates.values())) == 1:
        said = next(iter(dates.values()))
    whose = "in the same run" if min(dates.values()) >= when else "at the latest; the last run of this result began later"
    return f"{how_measured(peaks)}; {said}, {whose}"
