"""Timing the papers' networks by the harness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from edgelpr.benchmarks.bench.assembling import Subject as Timed
from edgelpr.benchmarks.bench.crops import Rotation, rendered_rotation
from edgelpr.benchmarks.bench.drifting import drifts
from edgelpr.benchmarks.bench.measuring import Measurement
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.result import BenchResult, Peaks
from edgelpr.benchmarks.bench.run import Run
from edgelpr.benchmarks.bench.track_crops import rendered_tracks
from edgelpr.benchmarks.paper_table.accuracy import with_accuracy
from edgelpr.benchmarks.paper_table.earlier import Earlier
from edgelpr.benchmarks.paper_table.peaks import PROCESSOR, known_peaks, peaks_ever, processor_peaks
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.subject import Say, Subject, Wanted
from edgelpr.benchmarks.paper_table.subjects import subjects_of
from edgelpr.benchmarks.roofline import Measured
from edgelpr.errors import EdgelprError
from edgelpr.models.iq_stan_features import FRAME_HEIGHT, FRAME_WIDTH
from edgelpr.plates.loading import load_plate_format
from edgelpr.preprocessing.crop import Preprocessing

_CROPS = "cn"
"""Plates of this format are rendered; every network is given the same crops."""


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
        wanted: engines, precisions, threads, labelled plates.
        measurement: the harness, its duration set.
        say: told what takes time.
        peaks: measures this processor, from a number of threads; by default ``processor_peaks``.
        keep: given what there is whenever one more thing was timed: all of them take long.

    Raises:
        EdgelprError: an engine that was asked for is not there, or refuses a network.
    """
    done = PaperRun(measurement.result())
    wanted, earlier = replace(wanted, remark=measurement.notes.append), wanted.earlier
    if earlier.usable:
        measurement.notes.append(f"{len(earlier.usable)} runs are of an earlier start, {earlier.when}")
        disturbed = sum(bool(run.disturbances) for run in earlier.usable)
        again = f", of which {disturbed} were disturbed (--retake-disturbed measures these again)" if disturbed else ""
        say(f"Going on: {len(earlier.usable)} runs are there already{again}")
    crops = _Crops()
    # Ctrl-C while they are measured must not lose those of the runs that are there.
    found = tuple(each for each in earlier.peaks if each.device == PROCESSOR)

    def keep_now() -> None:
        keep(_result(measurement, found, earlier))

    try:
        say("Measuring the peak of the processor")
        found = (peaks_ever(peaks or processor_peaks, wanted.threads, earlier, measurement),)
        with TemporaryDirectory(prefix="edgelpr-paper-") as folder:
            for source in sources:
                try:
                    _run_source(source, wanted, measurement, crops, Path(folder), done, say, keep_now)
                except EdgelprError as error:
                    measurement.notes.append(f"{source.title}: {error}")
                    raise
                finally:
                    keep_now()
                if measurement.stopped:
                    break
    except KeyboardInterrupt:  # while a network was exported
        measurement.interrupted = True
    done.result = _result(measurement, found, earlier)
    return done


def _result(measurement: Measurement, found: tuple[Peaks, ...], earlier: Earlier) -> BenchResult:
    """Everything so far, with the peaks of what computed it; runs of an earlier start that were not reached yet come first."""
    result = measurement.result()
    result = replace(result, runs=(*earlier.without(result.runs), *result.runs))
    notes = [drift.note for drift in drifts(result.runs)]  # of runs of several starts, too
    result = replace(result, notes=tuple(dict.fromkeys((*result.notes, *notes))))
    return replace(result, peaks=(*found, *known_peaks(result)))


@dataclass
class _Crops:
    """What is read, made when it is needed."""

    made: dict[int, Rotation] = field(default_factory=dict)

    def of(self, frames: int) -> Rotation:
        """Single crops, or tracks of so many frames."""
        if frames not in self.made:
            plates = load_plate_format(_CROPS)
            of_frame = Preprocessing(FRAME_HEIGHT, FRAME_WIDTH)
            self.made[frames] = rendered_rotation(plates) if frames == 1 else rendered_tracks(plates, of_frame, frames)
        return self.made[frames]


def _run_source(
    source: Source,
    wanted: Wanted,
    measurement: Measurement,
    crops: _Crops,
    folder: Path,
    done: PaperRun,
    say: Say,
    keep: Callable[[], None],
) -> None:
    for subject in subjects_of(source, wanted, folder, say):
        _run_subject(subject, wanted, measurement, crops, done, say, keep)
        if measurement.stopped:
            return
        keep()


def _run_subject(
    subject: Subject,
    wanted: Wanted,
    measurement: Measurement,
    crops: _Crops,
    done: PaperRun,
    say: Say,
    keep: Callable[[], None],
) -> None:
    """Time what an earlier start did not, and then, never between, measure the accuracy that is missing."""
    model, first = subject.model, len(measurement.runs)
    with ExitStack() as stack:
        opened = cache(lambda: stack.enter_context(closing(subject.open())))
        for scenario, scope in subject.scenarios:
            run = wanted.earlier.find(subject.key, scenario, scope)
            if run is not None:
                measurement.runs.append(run)
            else:
                if not opened.cache_info().currsize:
                    say(f"{model.name}, {subject.backend}, {subject.precision}: timing")
                timed = Timed(reader=opened(), model=model, rotation=crops.of(model.frames), accuracy=subject.accuracy)
                run = measurement.measure(timed, scenario, scope)
            if run is not None:
                _keep(subject, run, done)
            if measurement.stopped:
                break

        def reader() -> Reader:
            keep()  # reading takes a while, and may fail
            count = 0 if wanted.plates is None else len(wanted.plates.of(model.frames))
            say(f"{model.name}, {subject.backend}, {subject.precision}: reading {count} labelled plates")
            return opened()

        asked = replace(wanted, plates=None) if measurement.stopped else wanted
        measurement.runs[first:], why = with_accuracy(subject, measurement.runs[first:], asked, reader)
    if why is not None and why not in measurement.notes:
        measurement.notes.append(why)


def _keep(subject: Subject, run: Run, done: PaperRun) -> None:
    """Note what a fit can use."""
    if subject.work is not None and run.scenario == "single-stream" and run.scope == "network only" and run.precision == "fp32":
        kept = Measured(subject.model.name, subject.work, run.summary.p50_ms / 1e3)
        if subject.backend == "torch" and run.device == "CPU":
            done.eager[subject.model.architecture or subject.model.name] = kept
        elif run.device == "CPU":
            done.graphs.append(kept)
