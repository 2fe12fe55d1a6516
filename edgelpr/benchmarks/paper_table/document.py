"""The papers' table as text."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.paper_table.frames import frames_parts
from edgelpr.benchmarks.paper_table.published import CPU_WORDS, WORDS
from edgelpr.benchmarks.paper_table.table import PaperRow
from edgelpr.benchmarks.report.document import EMPTY, Section, Table, Text, cell, section

_SPEED = (
    "network",
    "published FPS",
    "ours",
    "precision",
    "engine",
    "paper FPS",
    "synchronised FPS",
    "ratio",
    "p50 ms",
    "p90 ms",
    "honest ratio",
    "end to end p90 ms",
    "disturbed",
)
_WORK = ("network", "ours", "precision", "GFLOP a call", "share of peak", "bound ms", "p50 ms", "whole plates right")
_PUBLISHED = ("network", "published FPS", "frames a call", "machine", "protocol", "source")
_TEXTS = ("network", "ours", "precision", "engine", "disturbed")


def paper_section(rows: Sequence[PaperRow], results: Sequence[BenchResult] = ()) -> Section | None:
    """The tables, and the words that belong beside them.

    Args:
        rows: the papers' networks.
        results: that may hold readers of tracks as well.
    """
    words = [Text(text) for text in (*WORDS, *((CPU_WORDS,) if any(row.device == "CPU" for row in rows) else ()))]
    parts = [published_table(rows), speed_table(rows), *words, work_table(rows), Text(_WORK_WORDS), *frames_parts(results)]
    return section("Beside the papers", parts)


def published_table(rows: Sequence[PaperRow]) -> Table:
    """What the papers say, with the machine and the protocol that it holds for."""
    each = {row.published.architecture: row.published for row in rows}.values()
    cells = tuple(
        (
            published.title,
            f"{published.frames_per_second:g}",
            str(published.frames),
            published.machine or "not stated",
            published.protocol or "not stated",
            published.source,
        )
        for published in each
    )
    return Table(_PUBLISHED, cells, right=("published FPS", "frames a call"), caption="As published")


def speed_table(rows: Sequence[PaperRow]) -> Table:
    """Ours by both protocols, beside the published figure."""
    return Table(
        _SPEED,
        tuple(_speed(row) for row in rows),
        right=tuple(title for title in _SPEED if title not in _TEXTS),
        caption="Frames a second at batch 1, network only; ratios are ours over the published figure",
    )


def work_table(rows: Sequence[PaperRow]) -> Table:
    """What a call has to do, and what the device could do at most."""
    timed = [row for row in rows if row.model is not None]
    return Table(
        _WORK,
        tuple(_work(row) for row in timed),
        right=tuple(title for title in _WORK if title not in _TEXTS),
        caption="Arithmetic, roofline and accuracy of the very models timed",
    )


_WORK_WORDS = (
    "Share of peak: operations over the median of the single stream, over the device's peak. Bound: all arithmetic at the "
    "peak or all weights once through the memory, whichever takes longer; weights that stay in a cache from plate to "
    "plate escape it. An empty cell was not measured or is not known."
)


def _speed(row: PaperRow) -> tuple[str, ...]:
    published = row.published
    return (
        published.title,
        f"{published.frames_per_second:g}",
        row.model or EMPTY,
        row.precision or EMPTY,
        row.runtime or EMPTY,
        cell(row.paper_fps, 1),
        cell(row.synchronised_fps, 1),
        cell(row.ratio),
        cell(row.p50_ms),
        cell(row.p90_ms),
        cell(row.honest_ratio),
        cell(row.end_to_end_p90_ms),
        row.disturbed or EMPTY,
    )


def _work(row: PaperRow) -> tuple[str, ...]:
    right = EMPTY if row.accuracy is None else f"{row.accuracy:.2%} ({row.accuracy_of})"
    share = EMPTY if row.peak_share is None else f"{row.peak_share:.1%}"
    return (
        row.published.title,
        row.model or EMPTY,
        row.precision or EMPTY,
        cell(row.gflop),
        share,
        cell(row.bound_ms),
        cell(row.p50_ms),
        right,
    )
