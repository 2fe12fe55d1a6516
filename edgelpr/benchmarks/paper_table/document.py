"""The papers' table as text."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.paper_table.frames import BELOW, frames_parts, whole_cell
from edgelpr.benchmarks.paper_table.peaks_table import peaks_table
from edgelpr.benchmarks.paper_table.published import CPU_WORDS, WORDS
from edgelpr.benchmarks.paper_table.table import PaperRow
from edgelpr.benchmarks.report.document import EMPTY, Section, Table, Text, cell, section

_SPEED = (
    "network",
    "published FPS",
    "ours",
    "plate format",
    "precision",
    "engine",
    "paper FPS",
    "synchronised FPS",
    "ratio",
    "p50 ms",
    "p90 ms",
    "variation",
    "honest ratio",
    "end to end p50 ms",
    "end to end p90 ms",
    "disturbed",
)
_WORK = (
    "network",
    "ours",
    "plate format",
    "precision",
    "GFLOP a call",
    "share of peak",
    "bound ms",
    "p50 ms",
    "whole plates right",
)
_PUBLISHED = ("network", "published FPS", "frames a call", "machine", "protocol", "source")
_TEXTS = ("network", "ours", "plate format", "precision", "engine", "disturbed")


def paper_section(rows: Sequence[PaperRow], results: Sequence[BenchResult] = ()) -> Section | None:
    """The tables, and the words that belong beside them.

    Args:
        rows: the papers' networks.
        results: that may hold readers of tracks as well.
    """
    words = [Text(text) for text in (*WORDS, *((CPU_WORDS,) if any(row.device == "CPU" for row in rows) else ()))]
    drifted = [Text(_DRIFTED, warning=True)] if any(row.drifted for row in rows) else []
    work = [work_table(rows), Text(_WORK_WORDS), *_accuracy_words(rows), peaks_table(results)]
    parts = [published_table(rows), speed_table(rows), *drifted, *words, *work, *frames_parts(results)]
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
        caption="Arithmetic, roofline and accuracy",
    )


_WORK_WORDS = (
    "Share of peak: operations over the median of the single stream, over the device's peak. Bound: all arithmetic at the "
    "peak or all weights once through the memory, whichever takes longer; weights that stay in a cache from plate to "
    "plate escape it. The plate format decides how many characters and classes there are, and so the work. An empty cell "
    "was not measured or is not known."
)
_DRIFTED = (
    f"'{BELOW}': a text cannot be there before the network is done. Both were measured one after the other, and the "
    "machine's speed varied by more than they differ; differences of that size say nothing in this table."
)
_ACCURACY_WORDS = (
    "Whole plates right: read by the very network that was timed, after its timing. INT8 was calibrated on rendered plates "
    "before it was timed, so its accuracy is of that graph, not of one calibrated on real plates. Random weights have none."
)
_CARD_WORDS = (
    "'from its card': what the card of the weights has of an export like this one; it was not measured here. An accuracy that "
    "is empty or from a card is measured by 'edgelpr bench paper --labels LABELS -o RESULT.json' with the result's other "
    "options: nothing that was timed is timed again."
)


def _accuracy_words(rows: Sequence[PaperRow]) -> list[Text]:
    """What the last column is, and how to fill it."""
    trained = [row for row in rows if row.weights_sha256 is not None]
    measured = [Text(_ACCURACY_WORDS)] if any(row.accuracy_from_card is False for row in trained) else []
    return [*measured, *([Text(_CARD_WORDS)] if any(row.accuracy_from_card is not False for row in trained) else [])]


def _speed(row: PaperRow) -> tuple[str, ...]:
    published = row.published
    return (
        published.title,
        f"{published.frames_per_second:g}",
        row.model or EMPTY,
        row.plate_format or EMPTY,
        row.precision or EMPTY,
        row.runtime or EMPTY,
        cell(row.paper_fps, 1),
        cell(row.synchronised_fps, 1),
        cell(row.ratio),
        cell(row.p50_ms),
        cell(row.p90_ms),
        EMPTY if row.variation is None else f"{row.variation:.1%}",
        cell(row.honest_ratio),
        whole_cell(row.end_to_end_p50_ms, "p50" in row.drifted),
        whole_cell(row.end_to_end_p90_ms, "p90" in row.drifted),
        row.disturbed or EMPTY,
    )


def _work(row: PaperRow) -> tuple[str, ...]:
    right = EMPTY if row.accuracy is None else f"{row.accuracy:.2%} ({row.accuracy_of})"
    share = EMPTY if row.peak_share is None else f"{row.peak_share:.1%}"
    return (
        row.published.title,
        row.model or EMPTY,
        row.plate_format or EMPTY,
        row.precision or EMPTY,
        cell(row.gflop),
        share,
        cell(row.bound_ms),
        cell(row.p50_ms),
        right,
    )
