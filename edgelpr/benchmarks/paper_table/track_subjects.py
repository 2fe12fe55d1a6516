"""IQ-STAN beside its paper: as PyTorch runs it, exported, and five single readings beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from edgelpr.benchmarks.bench.each_frame import EachFrame
from edgelpr.benchmarks.bench.opening import model_of, open_reader
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.track_crops import rendered_tracks
from edgelpr.benchmarks.bench.tracks_reader import frames_of
from edgelpr.benchmarks.paper_table.bundles import REWRITTEN, calibrated, export_form
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.subject import EAGER, READING, Say, Subject, Wanted, model_as_published
from edgelpr.benchmarks.paper_table.track_reader import TrackReader
from edgelpr.benchmarks.roofline import Work
from edgelpr.benchmarks.work import count_work
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.images import LEAST_IMAGES
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.calibration.track_loading import load_calibration_tracks
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.data.writing import write_image
from edgelpr.export.options import REWRITES, ExportOptions
from edgelpr.export.tracks.exporting import export_track_bundle
from edgelpr.models.counting import count_parameters
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendName, EngineBackend, Precision

_PARITY_TRACKS = 5
_TRACKS = LEAST_IMAGES + 8
"""To calibrate on; of rendered ones a few may show too little."""


def track_subjects(source: Source, wanted: Wanted, folder: Path, say: Say) -> Iterator[Subject]:
    """Everything to time of a network that reads tracks, each made when it is its turn.

    Beside the exported graph in fp32, as many readings of ``source.beside`` as a track has frames, in the same run, so that
    their ratio is of one machine in one state.

    Args:
        source: the network.
        wanted: what is asked for.
        folder: for bundles; its owner removes it.
        say: told what takes time.

    Raises:
        EdgelprError: whatever export, calibration or an engine refuses.
    """
    network: IqStan = source.make()
    size = network.preprocessing
    work = count_work(network, (torch.zeros(1, FRAMES, size.height, size.width), torch.ones(1, FRAMES)))
    if "torch" in wanted.backends and "fp32" in wanted.precisions:
        model = model_as_published(source, "as published", network, work, FRAMES)
        yield Subject(model, lambda: TrackReader(network, wanted.device, wanted.threads), "torch", "fp32", EAGER, work)
    engines = [backend for backend in wanted.backends if backend != "torch"]
    if not engines:
        return
    bundle = _bundle(source, network, wanted, folder, say)
    for backend in engines:
        for precision in (each for each in wanted.precisions if bundle.manifest.graph(each, backend) is not None):
            yield _graph(source, bundle, backend, precision, wanted, work, count_parameters(network))
        if source.beside is not None and "fp32" in wanted.precisions:
            yield _each_frame(source.beside, backend, wanted, folder, say)


def _bundle(source: Source, network: IqStan, wanted: Wanted, folder: Path, say: Say) -> Bundle:
    say(f"{source.title}: exporting")
    tracks = rendered_tracks(network.plate_format, network.preprocessing, FRAMES, count=_TRACKS)
    frames = np.ascontiguousarray(frames_of(network.preprocessing, tracks.images[:_PARITY_TRACKS]))
    path = folder / f"{source.architecture}.elpr"
    bundle = export_track_bundle(network, path, ExportOptions(), frames, lambda line: None).bundle
    if set(wanted.precisions) == {"fp32"}:
        return bundle
    crops = folder / f"{source.architecture}-tracks"
    for number, track in enumerate(tracks.images):
        for place, frame in enumerate(track):
            write_image(crops / f"{number:02}" / f"{place}.png", frame, sync=False)
    making = MadeTracks(most=FRAMES)
    found = load_calibration_tracks(CalibrationSource(crops, tracks=True), network.preprocessing, making)
    return calibrated(bundle, found, source.title, wanted.threads, say, wanted.remark)


def _graph(
    source: Source, bundle: Bundle, backend: BackendName, precision: Precision, wanted: Wanted, work: Work, count: int
) -> Subject:
    model = model_of(bundle, backend, precision, parameters=count)
    name = f"{source.title}, exported"
    model = replace(model, name=name, compulsory_bytes=work.compulsory_bytes, weights_sha256=source.sha256)
    # Ranges measured here are not those that a card's INT8 had.
    accuracy = source.accuracy(backend, precision) if precision == "fp32" else None
    opening = partial(_open, bundle, backend, precision, wanted.threads)
    # Its work is left out: steps that wait for each other are not what the roofline is fitted to.
    return Subject(model, opening, backend, precision, READING, None, accuracy)


def _each_frame(single: Source, backend: BackendName, wanted: Wanted, folder: Path, say: Say) -> Subject:
    bundle = export_form(single, REWRITTEN, REWRITES, folder, say)
    model = model_of(bundle, backend, "fp32")
    adds = None if model.multiply_adds is None else FRAMES * model.multiply_adds
    # No architecture: a paper's row of this network is of one reading.
    name = f"{FRAMES} readings by {single.title}, {REWRITTEN}"
    model = replace(model, name=name, architecture=None, multiply_adds=adds, frames=FRAMES)
    model = replace(model, weights_sha256=single.sha256)
    opening = partial(_open, bundle, backend, "fp32", wanted.threads)
    return Subject(model, lambda: EachFrame(opening()), backend, "fp32", READING)


def _open(bundle: Bundle, backend: BackendName, precision: Precision, threads: int) -> Reader:
    if backend in get_args(EngineBackend):
        return open_reader(bundle, backend, precision, None, 1, EngineUse(build=True, batch=1))
    return open_reader(bundle, backend, precision, threads, 1)
