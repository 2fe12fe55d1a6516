"""The work of ``edgelpr bench run``: open, measure, keep, show."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import click

from edgelpr.benchmarks.bench.assembling import Subject
from edgelpr.benchmarks.bench.crops import Rotation
from edgelpr.benchmarks.bench.files import write_bench_result
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.nvml import open_nvml
from edgelpr.benchmarks.bench.opening import model_of
from edgelpr.benchmarks.bench.profiling import profile
from edgelpr.benchmarks.bench.recognizer_reader import RecognizerReader
from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.bench.run import Accuracy
from edgelpr.benchmarks.bench.scenarios import scenarios_and_scopes
from edgelpr.benchmarks.bench.tracks_reader import TracksReader
from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.bench_asked import BenchJob
from edgelpr.cli.bench_opening import cold_arguments, open_for, rotation_for
from edgelpr.cli.bench_output import Telling, print_result, warn_if_busy
from edgelpr.cli.bench_peers import measure_peers
from edgelpr.cli.output import next_command, note, print_json
from edgelpr.cli.progress import ProgressBar
from edgelpr.data.labels import read_labels
from edgelpr.errors import BackendError, DataError
from edgelpr.training.evaluation import evaluate
from edgelpr.types import Scenario, Scope


def run_job(job: BenchJob) -> None:
    """Measure, keep and show.

    Raises:
        EdgelprError: whatever cannot be opened; BackendError after a model failed half-way: what came before is kept.
        click.Abort: after Ctrl-C: what was measured is kept.
    """
    wanted = scenarios_and_scopes(job.scenarios, job.scopes)
    bundle = Bundle.open(job.bundle)
    rotation = rotation_for(job, bundle)
    warn_if_busy()
    reader = open_for(job, bundle)
    try:
        what = "crops" if bundle.manifest.frames is None else "tracks"
        note(f"Measuring {reader.description}, {reader.precision}, {len(rotation.images)} {what} ({rotation.record.source})")
        measurement = _measure(job, bundle, reader, rotation, wanted)
    finally:
        reader.close()
    _keep(job, measurement)


def _measure(
    job: BenchJob,
    bundle: Bundle,
    reader: RecognizerReader | TracksReader,
    rotation: Rotation,
    wanted: list[tuple[Scenario, Scope]],
) -> Measurement:
    peers = job.peers.open(reader.threads)  # a mistake in one is told before anything is measured
    accuracy = _accuracy(job, bundle, reader)
    model = model_of(bundle, reader.backend, job.precision)
    subject = Subject(reader, model, rotation, job.batch, cold_arguments(job, reader), accuracy)
    with Telling() as telling:
        surroundings = Surroundings(nvml=open_nvml(), gpu=job.use.device)
        measurement = Measurement(job.span, surroundings, telling.reach, keep=_keeper(job))
        if job.profile:  # first: what may fail shall not cost figures that were measured
            inputs = reader.network_input(rotation.images[:1])
            measurement.profiles.append(profile(bundle, reader, job.precision, inputs))
        for scenario, scope in wanted:
            if not measurement.stopped:
                measurement.measure(subject, scenario, scope)
        measure_peers(measurement, peers, rotation, wanted, job.batch, model.frames)
    return measurement


def _accuracy(job: BenchJob, bundle: Bundle, reader: RecognizerReader | TracksReader) -> Accuracy | None:
    if job.labels is None or not isinstance(reader, RecognizerReader):
        return None
    labelled = read_labels(job.labels, job.label_format)
    with ProgressBar(len(labelled), "Reading the labelled plates") as bar:
        found = evaluate(reader.recognizer, labelled, bar.reach, bundle.manifest.plate_format)
    return Accuracy(found.plates, found.correct, found.data_sha256, from_card=False)


def _keeper(job: BenchJob) -> Callable[[BenchResult], None]:
    """Writes what there is so far: a process that is killed loses the scenario in progress and nothing else."""

    def keep(result: BenchResult) -> None:
        if job.output is None:
            return
        try:
            write_bench_result(job.output, result)
        except DataError as error:  # a full disk must not cost the figures
            note(f"Not kept yet: {error}; it is tried again at the end")

    return keep


def _keep(job: BenchJob, measurement: Measurement) -> None:
    result = measurement.result()
    if job.as_json:
        print_json(result.to_dict())
    else:
        print_result(result)
    if job.output is not None:  # last: a full disk must not cost the figures
        write_bench_result(job.output, result)
        note(f"Wrote {job.output}: {len(result.runs)} run{'' if len(result.runs) == 1 else 's'}")
    kept = "kept" if job.output is not None else "shown above; -o FILE keeps it"
    if result.interrupted:
        note(f"Stopped: what was measured is {kept}, marked as interrupted")
        raise click.Abort
    for failure in result.failures:
        raise BackendError(f"{failure}; what was measured before is {kept}")
    if job.output is None:
        next_command(f"{_again(job)} -o result.json   (keeps every sample, to compare with later)")
    else:
        next_command(f"edgelpr bench compare {shlex.quote(str(job.output))} OTHER.json")


def _again(job: BenchJob) -> str:
    words = ["edgelpr", "bench", str(job.bundle), "--backend", job.backend, "--precision", job.precision]
    return shlex.join([*words, *(["--images", str(job.images)] if job.images else [])])
