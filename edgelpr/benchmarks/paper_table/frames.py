"""A plate read from five frames beside five single readings of the same frames, in the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgelpr.benchmarks.bench.drifting import drifts
from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.bench.run import Run
from edgelpr.benchmarks.paper_table.published import IQ_STAN
from edgelpr.benchmarks.report.document import EMPTY, Part, Table, Text, cell
from edgelpr.types import Scope

_HEADER = (
    "reader",
    "plate format",
    "precision",
    "engine",
    "frames a plate",
    "M multiply-adds a plate",
    "network p50 ms",
    "end to end p50 ms",
    "end to end p90 ms",
    "over single readings",
    "disturbed",
)
_TEXTS = ("reader", "plate format", "precision", "engine", "disturbed")
BELOW = "below network only"
"""Beside a figure of end to end that cannot be right, or shows that the other one is not."""

_WORDS = (
    "One plate is five frames of it. Over single readings: the median, end to end, over that of reading each of the same five "
    "frames by itself in the same run and precision; below 1 the track is read faster. The paper's 157 ms for five frames are "
    "of a machine and a protocol that it does not name. Multiply-adds: as published the frames are read together; the exported "
    "graph reads each of them alone as well, which tells whether they show one plate. Single readings have no accuracy here: "
    "nothing joins the five."
)


@dataclass(frozen=True)
class FramesRow:
    """One reader of tracks, or of their frames one by one; None is an empty cell."""

    model: str
    """What was timed."""

    precision: str
    """Its arithmetic."""

    runtime: str
    """Engine, version, device and threads."""

    frames: int
    """Crops that one plate is read from."""

    multiply_adds: int | None
    """For one plate."""

    network_p50_ms: float | None
    """Of one plate, network only."""

    p50_ms: float | None
    """Of one plate, decoded frames to text."""

    p90_ms: float | None
    """The same."""

    ratio: float | None
    """Of the medians, end to end, over as many single readings in the same result."""

    disturbed: str
    """``no``, or in how many of its runs."""

    plate_format: str | None = None
    """Name of what is read."""

    drifted: tuple[str, ...] = ()
    """Which of ``p50`` and ``p90``, end to end, is below that of network only."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def frames_rows(results: Sequence[BenchResult]) -> list[FramesRow]:
    """Readers of several frames in single stream, in the order measured; those that no paper is about are beside IQ-STAN."""
    rows: list[FramesRow] = []
    for result in results:
        groups: dict[tuple[object, ...], list[Run]] = {}
        for run in result.runs:
            if run.model.frames > 1 and run.scenario == "single-stream" and run.batch == 1:
                key = (run.model.name, run.backend, run.precision, run.device, run.threads)
                groups.setdefault(key, []).append(run)
        rows += [_row(runs, list(groups.values())) for runs in groups.values()]
    return rows


def frames_parts(results: Sequence[BenchResult]) -> list[Part | None]:
    """The table and its words; nothing where no track was read."""
    rows = frames_rows(results)
    if not rows:
        return []
    cells = tuple(_cells(row) for row in rows)
    right = tuple(title for title in _HEADER if title not in _TEXTS)
    return [Table(_HEADER, cells, right=right, caption="Five frames of a plate: single stream"), Text(_WORDS)]


def disturbed(runs: Sequence[Run]) -> str:
    """Whether anything disturbed them: ``no``, ``yes``, or in how many of them."""
    count = sum(bool(run.disturbances) for run in runs)
    return "no" if count == 0 else "yes" if count == len(runs) else f"{count} of {len(runs)} runs"


def whole_cell(milliseconds: float | None, drifted: bool) -> str:
    """A figure of end to end, and whether it is below that of the network alone."""
    return cell(milliseconds) + (f" ({BELOW})" if drifted else "")


def _row(runs: Sequence[Run], groups: Sequence[Sequence[Run]]) -> FramesRow:
    first = runs[0]
    network, whole = _find(runs, "network only"), _find(runs, "end to end")
    single = next((each for each in groups if _is_beside(each[0], first)), None)
    other = None if single is None else _find(single, "end to end")
    ratio = None
    if first.model.architecture == IQ_STAN and whole is not None and other is not None and other.summary.p50_ms > 0:
        ratio = whole.summary.p50_ms / other.summary.p50_ms
    return FramesRow(
        model=first.model.name,
        precision=first.precision,
        runtime=first.runtime,
        frames=first.model.frames,
        multiply_adds=first.model.multiply_adds,
        network_p50_ms=None if network is None else network.summary.p50_ms,
        p50_ms=None if whole is None else whole.summary.p50_ms,
        p90_ms=None if whole is None else whole.summary.p90_ms,
        ratio=ratio,
        disturbed=disturbed(runs),
        plate_format=first.model.plate_format,
        drifted=tuple(drift.figure for drift in drifts(runs)),
    )


def _is_beside(run: Run, track: Run) -> bool:
    """Whether these are single readings of the same tracks by the same engine."""
    same = (run.backend, run.precision, run.device, run.threads, run.crops, run.model.frames)
    wanted = (track.backend, track.precision, track.device, track.threads, track.crops, track.model.frames)
    return run.model.architecture is None and same == wanted


def _find(runs: Sequence[Run], scope: Scope) -> Run | None:
    return next((run for run in runs if run.scope == scope), None)


def _cells(row: FramesRow) -> tuple[str, ...]:
    return (
        row.model,
        row.plate_format or EMPTY,
        row.precision,
        row.runtime,
        str(row.frames),
        EMPTY if row.multiply_adds is None else f"{row.multiply_adds / 1e6:,.0f}",
        cell(row.network_p50_ms),
        whole_cell(row.p50_ms, "p50" in row.drifted),
        whole_cell(row.p90_ms, "p90" in row.drifted),
        cell(row.ratio),
        row.disturbed,
    )
