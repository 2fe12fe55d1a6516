"""From real crops or tracks, or a record of them, to the fp16 and INT8 graphs of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import cv2
import numpy as np
import onnx

from edgelpr import __version__
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.updating import check_changeable
from edgelpr.calibration.building import build_graphs
from edgelpr.calibration.checking import GraphCheck, check_graphs
from edgelpr.calibration.choosing import LEAST_FOR_TRIALS, WITHOUT_TRIALS, best_methods, split_for_trials, try_methods
from edgelpr.calibration.images import CalibrationImages
from edgelpr.calibration.inputs import Inputs
from edgelpr.calibration.narrowness import Narrowness, find_narrowness
from edgelpr.calibration.observing import Observations, Probe, observe_growing
from edgelpr.calibration.opening import FloatGraph, open_float_graph, read_record
from edgelpr.calibration.ranges import ranges_of
from edgelpr.calibration.record import CALIBRATION, CalibrationRecord
from edgelpr.calibration.record_parts import RecordedImages, Trial
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.calibration.storing import describe_graphs, store
from edgelpr.calibration.track_images import CalibrationTracks
from edgelpr.errors import CalibrationError, UsageError, require
from edgelpr.types import Int8File, RangeMethod

Say = Callable[[str], None]
"""Takes one line about what is being done."""

Progress = Callable[[int, int], None]
"""Takes how much of a step is done, and of how much."""


@dataclass(frozen=True)
class CalibrationReport:
    """What a calibration did."""

    bundle: Bundle
    """The bundle as written."""

    record: CalibrationRecord
    """What its graphs were made with; inside the bundle as ``calibration.json``."""

    checks: tuple[GraphCheck, ...]
    """One for each graph that was written."""

    narrowness: tuple[Narrowness, ...]
    """What the images, or one of each track, have too little of; none known where a record was reused."""

    reused: bool
    """Whether the ranges are those of an earlier calibration."""

    seconds: float
    """How long it took."""


def calibrate(
    bundle: Bundle,
    images: CalibrationImages | CalibrationTracks,
    *,
    method: RangeMethod | None = None,
    threads: int | None = None,
    say: Say,
    progress: Progress = lambda done, total: None,
) -> CalibrationReport:
    """Measure ranges on images and add ``fp16.onnx``, ``int8.onnx``, ``int8-cpu.onnx`` and ``calibration.json``.

    Whatever fails, Ctrl-C and a full disk included, leaves the bundle as it was.

    Args:
        bundle: with an fp32 graph; graphs of an earlier calibration are replaced, and their approvals are dropped.
        images: what ``load_calibration_images`` gave for this bundle's preprocessing, or ``load_calibration_tracks`` for one
            that reads tracks.
        method: how ranges are chosen; None tries every method on a fifth of the images and keeps, for each INT8 file, the
            one that loses least, then measures on all images. With fewer than 48 images no method is tried, see ``choosing``.
        threads: CPU threads; None: ONNX Runtime's default.
        say: told what is being done.
        progress: told how far a step is.

    Raises:
        UsageError: images that were preprocessed for another network, or crops where it reads tracks, or the other way round.
        CalibrationError: a graph that cannot be calibrated, or one that came out broken.
        BundleError: the bundle cannot be written, or is another one by now.
        MissingDependencyError: onnx or ONNX Runtime is not installed.
    """
    start = perf_counter()
    check_changeable(bundle)
    source = open_float_graph(bundle)
    _check_images(source, images)
    _say_what_is_lost(bundle, say)
    observations, trials = _measure(source, images, method, threads, say, progress)
    methods = best_methods(trials) or {file: method or WITHOUT_TRIALS[file] for file in SCHEMES}
    narrowness = find_narrowness(images.pictures if isinstance(images, CalibrationTracks) else images)
    record = _record(source, images, methods, observations, trials, narrowness)
    written, checks = apply_record(source, record, images.inputs, threads, say)
    return CalibrationReport(written, record, checks, narrowness, False, perf_counter() - start)


def reuse_record(
    bundle: Bundle,
    record: CalibrationRecord,
    inputs: Inputs,
    *,
    where: str,
    threads: int | None = None,
    say: Say,
) -> CalibrationReport:
    """Make the same files as an earlier calibration of the same model, without its images.

    Args:
        bundle: with the fp32 graph that was calibrated.
        record: of the earlier calibration.
        inputs: what the graph is given, N rows, at least 1, that the new graphs are checked on.
        where: what to call the record in messages.
        threads: CPU threads; None: ONNX Runtime's default.
        say: told what is being done.

    Raises:
        CalibrationError: a record of another model, or a graph that came out broken.
        BundleError: the bundle cannot be written, or is another one by now.
    """
    start = perf_counter()
    check_changeable(bundle)
    source = open_float_graph(bundle)
    source.check_record(record, where)
    written, checks = apply_record(source, record, inputs, threads, say)
    return CalibrationReport(written, record, checks, (), True, perf_counter() - start)


def apply_record(
    source: FloatGraph, record: CalibrationRecord, inputs: Inputs, threads: int | None, say: Say
) -> tuple[Bundle, tuple[GraphCheck, ...]]:
    """Build the graphs of a record, check each by running it, and put them into the bundle.

    Raises:
        CalibrationError: a range is missing, or a graph is broken; nothing is written.
        BundleError: the bundle cannot be written, or is another one by now.
    """
    say("Building the fp16 and INT8 graphs")
    models = build_graphs(source.model, record)
    graphs = describe_graphs(source)
    say("Checking them with ONNX Runtime")
    checks = check_graphs(source, models, graphs, inputs, threads)
    say(f"Writing {source.bundle.path}")
    return store(source, models, graphs, record), checks


def _check_images(source: FloatGraph, images: CalibrationImages | CalibrationTracks) -> None:
    preprocessing, shape = source.bundle.manifest.preprocessing, tuple(side for side in source.graph.input_shape if side)
    if images.preprocessing != preprocessing:
        raise UsageError(f"images were made for {images.preprocessing}; this bundle takes {preprocessing}")
    given = images.inputs[0].shape[1:]
    if len(images.inputs) != len(source.graph.inputs) or (source.graph.frames is not None and given != shape):
        wanted = "single crops" if source.graph.frames is None else f"tracks of {source.graph.frames} frames"
        raise UsageError(f"the calibration images are {given}; this bundle reads {wanted}")


def _measure(
    source: FloatGraph,
    images: CalibrationImages | CalibrationTracks,
    method: RangeMethod | None,
    threads: int | None,
    say: Say,
    progress: Progress,
) -> tuple[Observations, tuple[Trial, ...]]:
    """What is seen on all images, and the trials on those that were held out; none where no method is to be found."""
    what = "images" if source.graph.frames is None else "tracks"
    split = split_for_trials(images) if method is None else None
    if method is None and split is None:
        say(
            f"{len(images)} {what} are too few to try methods on: it takes {LEAST_FOR_TRIALS}, so that some can be held out. "
            f"Taking {' and '.join(f'{method} for {file}' for file, method in WITHOUT_TRIALS.items())}"
        )
    groups = [images.inputs] if split is None else [part.inputs for part in split]
    rows = "crops" if source.graph.frames is None else "tracks"
    say(f"Running fp32 on {len(images)} {rows}, twice, to see what values its tensors take")
    *earlier, everything = observe_growing(Probe(source.early, threads, source.observed), groups, progress)
    if split is None:
        return everything, ()
    say(f"Trying the methods on {len(split[1])} held-out {rows}, ranges from the other {len(split[0])}")
    return everything, try_methods(source, earlier[0], split[1].inputs, threads=threads, progress=progress)


def _record(
    source: FloatGraph,
    images: CalibrationImages | CalibrationTracks,
    methods: dict[Int8File, RangeMethod],
    observations: Observations,
    trials: tuple[Trial, ...],
    narrowness: tuple[Narrowness, ...],
) -> CalibrationRecord:
    runtime = require("onnxruntime", "export", "calibrating")
    tracks, pictures = (images, images.images) if isinstance(images, CalibrationTracks) else (None, images)
    modules = {"numpy": np, "onnx": onnx, "onnxruntime": runtime, "opencv": cv2}
    return CalibrationRecord(
        edgelpr_version=__version__,
        graph_sha256=source.sha256,
        preprocessing=images.preprocessing.to_dict(),
        images=RecordedImages(pictures.found, pictures.seed, pictures.hashes, pictures.names),
        methods=methods,
        ranges={file: ranges_of(observations, method, symmetric=SCHEMES[file].symmetric) for file, method in methods.items()},
        trials=trials,
        versions={name: module.__version__ for name, module in modules.items()},
        warnings=tuple(item.what for item in narrowness),
        tracks=None if tracks is None else tracks.recorded,
    )


def _say_what_is_lost(bundle: Bundle, say: Say) -> None:
    """Layers that a search kept in higher precision were found for the earlier ranges."""
    if CALIBRATION not in bundle.manifest.files:
        return
    try:
        kept = sum(map(len, read_record(bundle).kept.values()))
    except CalibrationError:  # an earlier version's; it is replaced
        return
    if kept:
        say(
            f"The earlier calibration kept {kept} layers in higher precision. This one keeps none; search again if verify fails"
        )
