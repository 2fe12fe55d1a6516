"""What of a bundle is verified: fp32, and each reduced graph beside it."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import get_args

from edgelpr.benchmarks.verifying.simulating import SimulatedTensorRt
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import Graph, targets_of
from edgelpr.errors import BundleError, UsageError
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.loading import Loaded
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.runtime.tracks.recognizer import TrackRecognizer
from edgelpr.runtime.tracks.track import TrackKind
from edgelpr.types import BackendName, Precision


@dataclass(frozen=True)
class Subject:
    """One graph of a bundle and how it is read with."""

    precision: Precision
    """Its arithmetic."""

    graph: Graph
    """The graph."""

    simulated: bool = False
    """Whether it was made for TensorRT and is read with ONNX Runtime in its place, which approves nothing."""

    @property
    def name(self) -> str:
        """For people."""
        if self.simulated:
            return f"{self.precision.upper()} for TensorRT, simulated"
        return self.precision if self.precision == "fp32" else self.precision.upper()


def choose_subjects(
    bundle: Bundle, backend: BackendName, wanted: Collection[Precision] = (), simulate_tensorrt: bool = False
) -> tuple[Subject, ...]:
    """fp32, then fp16 and int8 as far as the bundle has graphs that the backend runs.

    Args:
        bundle: as opened.
        backend: the inference engine.
        wanted: only these beside fp32; none: all there are.
        simulate_tensorrt: whether the int8 graph made for TensorRT comes last.

    Raises:
        UsageError: a backend that runs no graphs.
        BundleError: a graph that was asked for is not there, or there is none beside fp32.
    """
    if not targets_of(backend):
        others = " or ".join(name for name in get_args(BackendName) if targets_of(name))
        raise UsageError(f"backend '{backend}' runs no graph of the bundle, so there is nothing to verify on it; use {others}")
    chosen = [Subject("fp32", bundle.graph("fp32", backend))]
    for precision in get_args(Precision)[1:]:
        graph = bundle.graph(precision, backend) if precision in wanted else bundle.manifest.graph(precision, backend)
        if graph is not None and (not wanted or precision in wanted):
            chosen.append(Subject(precision, graph))
    if simulate_tensorrt:
        chosen.append(_simulated(bundle))
    if len(chosen) == 1 and "fp32" not in wanted:
        raise BundleError(
            f"{bundle.path}: has only fp32 for {backend}, which needs no approval. Add fp16 and int8: {_calibrate(bundle)}"
        )
    return tuple(chosen)


def open_subject(
    bundle: Bundle, subject: Subject, backend: BackendName, threads: int | None, use: EngineUse
) -> Recognizer | TrackRecognizer:
    """A recogniser, of tracks where the bundle reads tracks, whether the precision is approved or not.

    Args:
        bundle: as opened.
        subject: which graph.
        backend: the inference engine.
        threads: CPU threads for one batch; None lets the backend choose.
        use: how many crops are read at a time; for TensorRT, which GPU, and whether an engine is built where none fits.

    Raises:
        EngineError: no engine fits, and none is to be built.
        BuildError: an engine could not be built.
        BackendError: the engine is broken or refuses the graph.
        MissingDependencyError: the engine is not installed, or for a simulation onnx is not.
    """
    if subject.simulated:
        engine = SimulatedTensorRt(bundle, subject.graph, threads)
        if subject.graph.frames is not None:
            return TrackRecognizer(Loaded(engine, backend, None), TrackKind.of(bundle), subject.precision)
        return Recognizer(bundle, engine, backend, subject.precision, use.batch)
    opening = partial(
        TrackRecognizer.open if subject.graph.frames is not None else partial(Recognizer.open, batch_size=use.batch),
        bundle,
        backend,
        subject.precision,
        threads,
        allow_unapproved=True,
        build=use.build,
        device=use.device,
        trust_engines=use.trust_engines,
        dla=None if subject.precision == "fp32" else use.dla,  # no DLA computes in fp32, and the others are held against it
        progress=use.progress,
        note=use.note,
    )
    return opening()


def _simulated(bundle: Bundle) -> Subject:
    graph = bundle.manifest.graph("int8", "tensorrt")
    if graph is None or graph.made_for != "tensorrt":
        raise BundleError(f"{bundle.path}: has no int8 graph made for TensorRT to simulate. Add it first: {_calibrate(bundle)}")
    return Subject("int8", graph, simulated=True)


def _calibrate(bundle: Bundle) -> str:
    return shlex.join(["edgelpr", "calibrate", str(bundle.path), "--images", "DIR"])
