"""Timing the papers' networks by the harness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgelpr.benchmarks.bench.assembling import Subject as Timed
from edgelpr.benchmarks.bench.crops import Rotation, rendered_rotation
from edgelpr.benchmarks.bench.measuring import Measurement
from edgelpr.benchmarks.bench.result import BenchResult, Peaks
from edgelpr.benchmarks.bench.run import Run
from edgelpr.benchmarks.boards import match_board
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.subjects import Say, Subject, Wanted, subjects_of
from edgelpr.benchmarks.rates import measure_rates
from edgelpr.benchmarks.roofline import Measured
from edgelpr.errors import EdgelprError
from edgelpr.plates.loading import load_plate_format
from edgelpr.types import Scenario, Scope

_CROPS = "cn"
"""Plates of this format are rendered; every network is given the same crops."""

_EAGER: tuple[tuple[Scenario, Scope], ...] = (
    ("paper", "network only"),
    ("paper-synchronised", "network only"),
    ("single-stream", "network only"),
)
_GRAPH: tuple[tuple[Scenario, Scope], ...] = (("single-stream", "network only"),)
_READING: tuple[tuple[Scenario, Scope], ...] = (*_GRAPH, ("single-stream", "end to end"))


@dataclass
class PaperRun:
    """What came of it."""

    result: BenchResult
    """Every run, for a file."""

    eager: dict[str, Measured] = field(default_factory=dict)
    """PyTorch's single streams on the CPU by architecture, for a fit."""

    graphs: list[Measured] = field(default_factory=list)
    """Those of exported graphs in fp32 on the CPU, for a fit."""


def run_papers(
    sources: Sequence[Source],
    wanted: Wanted,
    measurement: Measurement,
    say: Say,
    peaks: Callable[[int], Peaks] | None = None,
    keep: Callable[[BenchResult], None] = lambda result: None,
) -> PaperRun:
    """Time every network; what was measured before Ctrl-C, or before an engine failed, is kept.

    Args:
        sources: the networks, in the order of the table.
        wanted: engines, precisions, threads.
        measurement: the harness, its duration set.
        say: told what takes time.
        peaks: measures this processor, from a number of threads; by default ``processor_peaks``.
        keep: given what there is after each network: all of them take long.

    Raises:
        EdgelprError: an engine that was asked for is not there, or refuses a network.
    """
    done = PaperRun(measurement.result())
    rotation = rendered_rotation(load_plate_format(_CROPS))
    found: tuple[Peaks, ...] = ()
    try:
        say("Measuring the peak of the processor")
        found = ((peaks or processor_peaks)(wanted.threads),)
        with TemporaryDirectory(prefix="edgelpr-paper-") as folder:
            for source in sources:
                try:
                    _run_source(source, wanted, measurement, rotation, Path(folder), done, say)
                except EdgelprError as error:
                    measurement.notes.append(f"{source.title}: {error}")
                    raise
                finally:
                    keep(_result(measurement, found))
                if measurement.stopped:
                    break
    except KeyboardInterrupt:  # while a network was exported
        measurement.interrupted = True
    done.result = _result(measurement, found)
    return done


def _result(measurement: Measurement, found: tuple[Peaks, ...]) -> BenchResult:
    """Everything so far, with the peaks of what computed it."""
    result = measurement.result()
    return replace(result, peaks=(*found, *_known_peaks(result)))


def processor_peaks(threads: int) -> Peaks:
    """This processor's, measured now."""
    rates = measure_rates(threads)
    return Peaks("CPU", rates.fp32.flops, rates.int8_operations, rates.fp32.bytes_per_second, rates.fp32.source)


def _run_source(
    source: Source,
    wanted: Wanted,
    measurement: Measurement,
    rotation: Rotation,
    folder: Path,
    done: PaperRun,
    say: Say,
) -> None:
    for subject in subjects_of(source, wanted, folder, say):
        say(f"{subject.model.name}: timing")
        with closing(subject.open()) as reader:
            timed = Timed(reader=reader, model=subject.model, rotation=rotation, accuracy=subject.accuracy)
            scenarios = _EAGER if subject.eager else _READING if subject.reads else _GRAPH
            for scenario, scope in scenarios:
                run = measurement.measure(timed, scenario, scope)
                if run is not None:
                    _keep(subject, run, done)
                if measurement.stopped:
                    return


def _keep(subject: Subject, run: Run, done: PaperRun) -> None:
    """Note what a fit can use."""
    if subject.work is not None and run.scenario == "single-stream" and run.scope == "network only" and run.precision == "fp32":
        kept = Measured(subject.model.name, subject.work, run.summary.p50_ms / 1e3)
        if subject.eager and run.device == "CPU":
            done.eager[subject.model.architecture or subject.model.name] = kept
        elif run.device == "CPU":
            done.graphs.append(kept)


def _known_peaks(result: BenchResult) -> list[Peaks]:
    """Of the GPUs that ran something and are in the table of boards; no int8 there: advertised figures are sparse."""
    found = []
    for device in dict.fromkeys(run.device for run in result.runs if run.device != "CPU"):
        board = match_board([device, str(result.machine.get("board") or "")])
        if board is not None:
            rates = board.rates
            found.append(Peaks(device, rates.flops, None, rates.bytes_per_second, rates.source))
    return found
