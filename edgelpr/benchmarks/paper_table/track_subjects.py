"""IQ-STAN beside its paper: as PyTorch runs it, exported, and five single readings beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from edgelpr.benchmarks.bench.each_frame import EachFrame
from edgelpr.benchmarks.bench.opening import model_of
from edgelpr.benchmarks.bench.run import Model
from edgelpr.benchmarks.bench.track_crops import rendered_tracks
from edgelpr.benchmarks.bench.tracks_reader import frames_of
from edgelpr.benchmarks.paper_table.bundles import REWRITTEN, calibrated, export_form
from edgelpr.benchmarks.paper_table.exported import Exported, exported_subjects, open_graph
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.subject import EAGER, READING, Say, Subject, Wanted, model_as_published, spelt_by
from edgelpr.benchmarks.paper_table.track_reader import TrackReader
from edgelpr.benchmarks.roofline import Work
from edgelpr.benchmarks.work import count_work
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.images import LEAST_IMAGES
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.calibration.track_images import CalibrationTracks
from edgelpr.calibration.track_loading import load_calibration_tracks
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.data.writing import write_image
from edgelpr.export.options import REWRITES, ExportOptions
from edgelpr.export.tracks.exporting import export_track_bundle
from edgelpr.models.counting import count_parameters
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.types import BackendName, Precision

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
        yield Subject(
            model,
            lambda: TrackReader(network, wanted.device, wanted.threads),
            "torch",
            "fp32",
            EAGER,
            work,
            spells=spelt_by(source, network),
        )
    engines = [backend for backend in wanted.backends if backend != "torch"]
    if not engines:
        return
    exported = _exported(source, network, work, wanted, folder, say)
    beside = None if source.beside is None else _each_frame(source.beside, wanted, folder, say)
    graphs = exported_subjects(exported, engines, wanted.earlier, wanted.plates)
    for backend in engines:
        yield from (each for each in graphs if each.backend == backend)
        if beside is not None:
            yield from exported_subjects(beside, [backend], wanted.earlier)


def _exported(source: Source, network: IqStan, work: Work, wanted: Wanted, folder: Path, say: Say) -> Exported:
    def export(calibrating: bool) -> Bundle:
        bundle = _export(source, network, folder, say)
        if not calibrating:
            return bundle
        found = _rendered(network, folder / f"{source.architecture}-tracks")
        return calibrated(bundle, found, source.title, wanted.threads, say, wanted.remark)

    def model(bundle: Bundle, backend: BackendName, precision: Precision) -> Model:
        parameters = count_parameters(network)
        return replace(model_of(bundle, backend, precision, parameters), compulsory_bytes=work.compulsory_bytes)

    # Its work is left out: steps that wait for each other are not what the roofline is fitted to.
    return Exported(
        name=f"{source.title}, exported",
        weights_sha256=source.sha256,
        precisions=wanted.precisions,
        scenarios=READING,
        export=export,
        model=model,
        open=partial(open_graph, wanted.threads),
        accuracy=source.accuracy,
        spells=spelt_by(source, network),
    )


def _export(source: Source, network: IqStan, folder: Path, say: Say) -> Bundle:
    say(f"{source.title}: exporting")
    tracks = rendered_tracks(network.plate_format, network.preprocessing, FRAMES, count=_PARITY_TRACKS)
    frames = np.ascontiguousarray(frames_of(network.preprocessing, tracks.images))
    path = folder / f"{source.architecture}.elpr"
    return export_track_bundle(network, path, ExportOptions(), frames, lambda line: None).bundle


def _rendered(network: IqStan, folder: Path) -> CalibrationTracks:
    tracks = rendered_tracks(network.plate_format, network.preprocessing, FRAMES, count=_TRACKS)
    for number, track in enumerate(tracks.images):
        for place, frame in enumerate(track):
            write_image(folder / f"{number:02}" / f"{place}.png", frame, sync=False)
    making = MadeTracks(most=FRAMES)
    return load_calibration_tracks(CalibrationSource(folder, tracks=True), network.preprocessing, making)


def _each_frame(single: Source, wanted: Wanted, folder: Path, say: Say) -> Exported:
    # Nothing is said to be spelt: how five readings become one is another question, and its answer would be the figure's.
    return Exported(
        name=f"{FRAMES} readings by {single.title}, {REWRITTEN}",
        weights_sha256=single.sha256,
        precisions=[each for each in wanted.precisions if each == "fp32"],
        scenarios=READING,
        export=lambda calibrating: export_form(single, REWRITTEN, REWRITES, folder, say),
        model=_of_readings,
        open=lambda *graph: EachFrame(open_graph(wanted.threads, *graph)),
    )


def _of_readings(bundle: Bundle, backend: BackendName, precision: Precision) -> Model:
    model = model_of(bundle, backend, precision)
    adds = None if model.multiply_adds is None else FRAMES * model.multiply_adds
    # No architecture: a paper's row of this network is of one reading.
    return replace(model, architecture=None, multiply_adds=adds, frames=FRAMES)
