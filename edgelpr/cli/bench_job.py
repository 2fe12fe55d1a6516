"""The work of ``edgelpr bench run``: open, measure, keep, show."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from edgelpr.benchmarks.bench.assembling import Subject
from edgelpr.benchmarks.bench.crops import Rotation, read_rotation, rendered_rotation
from edgelpr.benchmarks.bench.duration import Span
from edgelpr.benchmarks.bench.files import write_bench_result
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.nvml import open_nvml
from edgelpr.benchmarks.bench.opening import model_of, open_reader
from edgelpr.benchmarks.bench.profiling import check_profiled, profile
from edgelpr.benchmarks.bench.recognizer_reader import RecognizerReader
from edgelpr.benchmarks.bench.run import Accuracy
from edgelpr.benchmarks.bench.scenarios import scenarios_and_scopes
from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.bench_output import Telling, print_result, warn_if_busy
from edgelpr.cli.bench_peers import Peers, measure_peers
from edgelpr.cli.output import next_command, note, print_json, warn_of
from edgelpr.cli.progress import ProgressBar, Steps
from edgelpr.data.labels import read_labels
from edgelpr.errors import BackendError, UsageError
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.training.evaluation import evaluate
from edgelpr.types import BackendChoice, LabelFormat, Precision, Scenario, Scope


@dataclass(frozen=True)
class BenchJob:
    """What the user asked for; the options of ``edgelpr bench run`` in their order."""

    bundle: Path
    images: Path | None
    seed: int
    backend: BackendChoice
    build: bool
    device: int
    trust_engines: bool
    precision: Precision
    scenarios: tuple[Scenario, ...]
    scopes: tuple[Scope, ...]
    batch: int
    threads: int | None
    span: Span
    profile: bool
    labels: Path | None
    label_format: LabelFormat
    peers: Peers
    output: Path | None
    as_json: bool


def run_job(job: BenchJob) -> None:
    """Measure, keep and show.

    Raises:
        EdgelprError: whatever cannot be opened; BackendError after a model failed half-way: what came before is kept.
        click.Abort: after Ctrl-C: what was measured is kept.
    """
    wanted = scenarios_and_scopes(job.scenarios, job.scopes)
    bundle = Bundle.open(job.bundle)
    rotation = _rotation(job, bundle)
    warn_if_busy()
    reader = _open(job, bundle)
    try:
        note(f"Measuring {reader.description}, {reader.precision}, {len(rotation.images)} crops ({rotation.record.source})")
        measurement = _measure(job, bundle, reader, rotation, wanted)
    finally:
        reader.close()
    _keep(job, measurement)


def _rotation(job: BenchJob, bundle: Bundle) -> Rotation:
    if job.images is None:
        return rendered_rotation(bundle.manifest.plate_format, job.seed)
    rotation = read_rotation(job.images, job.label_format)
    warn_of("crops left out", rotation.left_out, "mend or remove them")
    return rotation


def _open(job: BenchJob, bundle: Bundle) -> RecognizerReader:
    with Steps("Building an engine") as steps:
        use = EngineUse(
            build=job.build,
            device=job.device,
            trust_engines=job.trust_engines,
            batch=job.batch,
            progress=steps.reach,
            note=steps.note,
        )
        reader = open_reader(bundle, job.backend, job.precision, job.threads, job.batch, use)
    if job.profile:
        try:
            check_profiled(reader.backend)
        except UsageError:
            reader.close()
            raise
    return reader


def _measure(
    job: BenchJob, bundle: Bundle, reader: RecognizerReader, rotation: Rotation, wanted: list[tuple[Scenario, Scope]]
) -> Measurement:
    peers = job.peers.open(reader.threads)  # a mistake in one is told before anything is measured
    accuracy = None if job.labels is None else _accuracy(job, bundle, reader)
    cold: dict[str, str | int] = {"bundle": str(job.bundle.resolve()), "backend": reader.backend, "precision": job.precision}
    engine = {"device": job.device, "trust_engines": job.trust_engines}
    cold |= engine if reader.threads is None else {"threads": reader.threads}
    model = model_of(bundle, reader.backend, job.precision)
    subject = Subject(reader, model, rotation, job.batch, cold, accuracy)
    with Telling() as telling:
        measurement = Measurement(job.span, Surroundings(nvml=open_nvml(), gpu=job.device), telling.reach)
        if job.profile:  # first: what may fail shall not cost figures that were measured
            inputs = reader.network_input(rotation.images[:1])
            measurement.profiles.append(profile(bundle, reader.backend, job.precision, reader.threads, inputs))
        for scenario, scope in wanted:
            if not measurement.stopped:
                measurement.measure(subject, scenario, scope)
        measure_peers(measurement, peers, rotation, wanted, job.batch)
    return measurement


def _accuracy(job: BenchJob, bundle: Bundle, reader: RecognizerReader) -> Accuracy:
    assert job.labels is not None
    labelled = read_labels(job.labels, job.label_format)
    with ProgressBar(len(labelled), "Reading the labelled plates") as bar:
        found = evaluate(reader.recognizer, labelled, bar.reach, bundle.manifest.plate_format)
    return Accuracy(found.plates, found.correct, found.data_sha256)


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
        raise BackendError(
            f"{failure.scenario}, {failure.scope}, batch {failure.batch} failed after {failure.calls} calls ({failure.error}); "
            f"what was measured before is {kept}"
        )
    if job.output is None:
        next_command(f"{_again(job)} -o result.json   (keeps every sample, to compare with later)")
    else:
        next_command(f"edgelpr bench compare {shlex.quote(str(job.output))} OTHER.json")


def _again(job: BenchJob) -> str:
    words = ["edgelpr", "bench", str(job.bundle), "--backend", job.backend, "--precision", job.precision]
    return shlex.join([*words, *(["--images", str(job.images)] if job.images else [])])
