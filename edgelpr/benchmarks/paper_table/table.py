"""Rows of the papers' table, from the runs of a result; what is missing stays empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgelpr.benchmarks.bench.drifting import drifts
from edgelpr.benchmarks.bench.result import BenchResult, Peaks
from edgelpr.benchmarks.bench.run import Accuracy, Model, Run
from edgelpr.benchmarks.paper_table.frames import disturbed
from edgelpr.benchmarks.paper_table.published import PUBLISHED, PublishedSpeed
from edgelpr.benchmarks.roofline import Rates, bound_seconds_of
from edgelpr.types import Scenario, Scope

_BYTES = {"fp32": 4, "fp16": 2, "int8": 1}


@dataclass(frozen=True)
class PaperRow:
    """One network, graph, engine and precision beside its paper; None is an empty cell."""

    architecture: str
    """Our name of the network."""

    published: PublishedSpeed
    """What its paper says."""

    model: str | None = None
    """What was timed: weights and graph."""

    runtime: str | None = None
    """Engine, version, device and threads."""

    device: str | None = None
    """What computed."""

    precision: str | None = None
    """Its arithmetic."""

    plate_format: str | None = None
    """Name of what it reads: the number of positions and classes changes the work."""

    weights_sha256: str | None = None
    """Of its trained weights; None of random ones, which have no accuracy."""

    paper_fps: float | None = None
    """Ours, frames a second in the paper's protocol, unsynchronised."""

    synchronised_fps: float | None = None
    """The same with a wait in every pass."""

    ratio: float | None = None
    """Ours in the paper's protocol over the published figure."""

    honest_ratio: float | None = None
    """Frames a second of the single stream, network only, over the published figure."""

    p50_ms: float | None = None
    """Single stream, network only."""

    p90_ms: float | None = None
    """The same."""

    variation: float | None = None
    """Coefficient of variation of the same samples; above 0.025 is a warning."""

    end_to_end_p50_ms: float | None = None
    """Single stream, decoded crop to text."""

    end_to_end_p90_ms: float | None = None
    """The same."""

    drifted: tuple[str, ...] = ()
    """Which of the two, ``p50`` or ``p90``, is below that of network only, so that one of both is not to be trusted."""

    gflop: float | None = None
    """10^9 operations a call, a multiply-add being two."""

    peak_share: float | None = None
    """Of the device's arithmetic, by the median of the single stream; 0 to 1."""

    bound_ms: float | None = None
    """No call can be faster on this device, unless its weights stay in a cache."""

    accuracy: float | None = None
    """Whole plates right, of the very model timed, or as its card has it; 0 to 1."""

    accuracy_of: str | None = None
    """How many of how many plates, which, and whether the card says so."""

    accuracy_from_card: bool | None = None
    """Whether it is the card's; None without an accuracy."""

    disturbed: str | None = None
    """``no``, ``yes``, or in how many of its runs the machine did something else."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def paper_rows(results: Sequence[BenchResult]) -> list[PaperRow]:
    """The papers' networks in the papers' order; one without any run is a row with the published figures alone.

    Runs of other networks and of batches above 1 have no figure in the papers and are left out.
    """
    rows: list[PaperRow] = []
    for architecture, published in PUBLISHED.items():
        found = [row for result in results for row in _rows(result, architecture, published)]
        rows += found or [PaperRow(architecture, published)]
    return rows


def bound_ms(model: Model, precision: str, peaks: Peaks | None) -> float | None:
    """Roofline of one plate; None where its work or the device's peak is not known."""
    size, rates = _BYTES.get(precision), rates_of(peaks, precision)
    if size is None or rates is None or model.multiply_adds is None or model.compulsory_bytes is None:
        return None
    return 1e3 * bound_seconds_of(2 * model.multiply_adds, model.compulsory_bytes * size / 4, rates)


def peaks_of(result: BenchResult, device: str) -> Peaks | None:
    """Of one device; None where they are not known."""
    return next((peaks for peaks in result.peaks if peaks.device == device), None)


def rates_of(peaks: Peaks | None, precision: str) -> Rates | None:
    """What a device does at most in a precision; None where that is not known, as of fp16, of which nothing is measured."""
    operations = None if peaks is None else {"fp32": peaks.flops, "int8": peaks.int8_operations}.get(precision)
    return None if peaks is None or operations is None else Rates(operations, peaks.bytes_per_second, peaks.source)


def _rows(result: BenchResult, architecture: str, published: PublishedSpeed) -> list[PaperRow]:
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in result.runs:
        if run.model.architecture == architecture and run.batch == 1:
            key = (run.model.name, run.backend, run.precision, run.device, run.threads)
            groups.setdefault(key, []).append(run)
    return [_row(result, group, published) for group in groups.values()]


def _row(result: BenchResult, runs: Sequence[Run], published: PublishedSpeed) -> PaperRow:
    first = runs[0]
    single = _find(runs, "single-stream", "network only")
    end_to_end = _find(runs, "single-stream", "end to end")
    paper, synchronised = (_fps(_find(runs, name, "network only"), published) for name in _PROTOCOLS)
    honest, peaks = _fps(single, published), peaks_of(result, first.device)
    adds, rates = first.model.multiply_adds, rates_of(peaks, first.precision)
    accuracy = _accuracy(runs)
    share = None
    if single is not None and single.summary.p50_ms > 0 and adds is not None and rates is not None:
        share = 2 * adds / (single.summary.p50_ms / 1e3) / rates.flops
    return PaperRow(
        architecture=published.architecture,
        published=published,
        model=first.model.name,
        runtime=first.runtime,
        device=first.device,
        precision=first.precision,
        plate_format=first.model.plate_format,
        weights_sha256=first.model.weights_sha256,
        paper_fps=paper,
        synchronised_fps=synchronised,
        ratio=None if paper is None else paper / published.frames_per_second,
        honest_ratio=None if honest is None else honest / published.frames_per_second,
        p50_ms=None if single is None else single.summary.p50_ms,
        p90_ms=None if single is None else single.summary.p90_ms,
        variation=None if single is None else single.summary.variation,
        end_to_end_p50_ms=None if end_to_end is None else end_to_end.summary.p50_ms,
        end_to_end_p90_ms=None if end_to_end is None else end_to_end.summary.p90_ms,
        drifted=tuple(drift.figure for drift in drifts(runs)),
        gflop=None if adds is None else 2 * adds / 1e9,
        peak_share=share,
        bound_ms=bound_ms(first.model, first.precision, peaks),
        accuracy=None if accuracy is None else accuracy.correct / accuracy.plates,
        accuracy_of=None if accuracy is None else _words(accuracy),
        accuracy_from_card=None if accuracy is None else not accuracy.surely_measured,
        disturbed=disturbed(runs),
    )


_PROTOCOLS: tuple[Scenario, Scenario] = ("paper", "paper-synchronised")


def _accuracy(runs: Sequence[Run]) -> Accuracy | None:
    """The one that was measured, where there is one; else the card's."""
    found = [run.accuracy for run in runs if run.accuracy is not None and run.accuracy.plates > 0]
    return min(found, key=lambda each: not each.surely_measured, default=None)


def _words(accuracy: Accuracy) -> str:
    card = None if accuracy.surely_measured else "from its card"
    return ", ".join(filter(None, (f"{accuracy.correct} of {accuracy.plates}", accuracy.data, card)))


def _find(runs: Sequence[Run], scenario: Scenario, scope: Scope) -> Run | None:
    return next((run for run in runs if run.scenario == scenario and run.scope == scope), None)


def _fps(run: Run | None, published: PublishedSpeed) -> float | None:
    return None if run is None else run.summary.plates_per_second * published.frames
