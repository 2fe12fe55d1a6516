"""What ``edgelpr bench run`` opens: a bundle of single crops or of tracks, and what it is to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edgelpr.benchmarks.bench.crops import Rotation, read_rotation, rendered_rotation
from edgelpr.benchmarks.bench.opening import open_reader
from edgelpr.benchmarks.bench.profiling import check_profiled
from edgelpr.benchmarks.bench.recognizer_reader import RecognizerReader
from edgelpr.benchmarks.bench.track_crops import rendered_tracks, rotation_of_tracks
from edgelpr.benchmarks.bench.tracks_reader import TracksReader
from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.bench_asked import BenchJob
from edgelpr.cli.output import warn_of
from edgelpr.cli.progress import Steps
from edgelpr.cli.tracks import wanted_tracks
from edgelpr.errors import ImageError, UsageError
from edgelpr.preprocessing.images import Image, read_image


def rotation_for(job: BenchJob, bundle: Bundle) -> Rotation:
    """The crops to read, or the tracks.

    Raises:
        DataError: fewer than two that can be used.
    """
    manifest = bundle.manifest
    if manifest.frames is not None:
        rotation = (
            rendered_tracks(manifest.plate_format, manifest.preprocessing, manifest.frames, job.seed)
            if job.images is None
            else _read_tracks(job.images, manifest.frames)
        )
    elif job.images is None:
        return rendered_rotation(manifest.plate_format, job.seed)
    else:
        rotation = read_rotation(job.images, job.label_format)
    warn_of("crops left out" if manifest.frames is None else "tracks left out", rotation.left_out, "mend or remove them")
    return rotation


def open_for(job: BenchJob, bundle: Bundle) -> RecognizerReader | TracksReader:
    """Load the network; what it cannot be measured by is refused.

    Raises:
        UsageError: a profile of a backend that tells none, or labels for a network that reads tracks.
        EdgelprError: as ``open_reader`` says.
    """
    if bundle.manifest.frames is not None and job.labels is not None:
        raise UsageError(
            f"{bundle.path}: reads tracks, and --labels are of single crops; leave it out, and measure "
            "accuracy with `edgelpr eval`"
        )
    with Steps("Building an engine") as steps:
        use = replace(job.use, batch=job.batch, progress=steps.reach, note=steps.note)
        reader = open_reader(bundle, job.backend, job.precision, job.threads, job.batch, use)
    if job.profile:
        try:
            check_profiled(reader.backend, job.precision)
        except UsageError:
            reader.close()
            raise
    return reader


def cold_arguments(job: BenchJob, reader: RecognizerReader | TracksReader) -> dict[str, str | int | bool | None]:
    """What a fresh process opens the same with."""
    cold: dict[str, str | int | bool | None] = {"bundle": str(job.bundle.resolve()), "backend": reader.backend}
    engine = {"device": job.use.device, "dla": job.use.dla, "trust_engines": job.use.trust_engines}
    return cold | {"precision": job.precision} | (engine if reader.threads is None else {"threads": reader.threads})


def _read_tracks(place: Path, frames: int) -> Rotation:
    left_out: list[str] = []

    def found() -> Iterator[list[Image]]:
        for track in wanted_tracks([str(place)]):
            if len(track.frames) < frames:
                left_out.append(f"{track.name}: {len(track.frames)} frames; a track that is timed has {frames}")
                continue
            try:
                yield [read_image(str(path)) for path in track.frames[:frames]]
            except ImageError as error:
                left_out.append(f"{track.name}: {error}")

    rotation = rotation_of_tracks(found(), frames, place.resolve().name)
    return Rotation(rotation.images, rotation.record, tuple(left_out))
