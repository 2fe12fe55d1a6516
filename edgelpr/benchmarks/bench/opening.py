"""From a bundle to a reader, and what a result says of its network."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from edgelpr.benchmarks.bench.recognizer_reader import RecognizerReader
from edgelpr.benchmarks.bench.run import Model
from edgelpr.benchmarks.bench.tracks_reader import TracksReader
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import TRACKS_AT_ONCE
from edgelpr.runtime.backends.onnxruntime.loader import default_threads
from edgelpr.runtime.backends.registry import load_backend
from edgelpr.runtime.choosing import choose_and_say
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.loading import Loaded
from edgelpr.runtime.tracks.recognizer import TrackRecognizer
from edgelpr.runtime.tracks.track import TrackKind
from edgelpr.types import BackendChoice, BackendName, EngineBackend, Precision

WEIGHTS = "weights.safetensors"
"""Of a bundle that PyTorch can read."""


def open_reader(
    bundle: Bundle, backend: BackendChoice, precision: Precision, threads: int | None, batch: int, use: EngineUse | None = None
) -> RecognizerReader | TracksReader:
    """Load a bundle's network. Approvals do not matter here: measuring is what shows whether a precision is worth one.

    Args:
        bundle: an opened bundle, of single crops or of tracks.
        backend: the inference engine; ``auto`` takes what is fastest here.
        precision: which graph.
        threads: processor threads; None: as many as this process may use, at most 8.
        batch: most crops at once; of tracks as many as their recogniser reads.
        use: for TensorRT: which GPU, and whether an engine is built.

    Raises:
        EdgelprError: no graph for it, or whatever the engine refuses.
    """
    use = use or EngineUse(batch=batch)
    tracks = bundle.manifest.frames is not None
    if tracks:
        use = replace(use, batch=TRACKS_AT_ONCE)
    if backend == "auto":
        choice, use, threads = choose_and_say(bundle, precision, use, threads, allow_unapproved=True)
        backend = choice.backend
    name: BackendName = backend
    if name not in get_args(EngineBackend) and (name, precision) != ("torch", "fp16"):  # which compute on a GPU
        threads = threads or default_threads()
    engine = load_backend(name, bundle, precision, threads, use)
    if tracks:
        recognizer = TrackRecognizer(Loaded(engine, name, None), TrackKind.of(bundle), precision)
        return TracksReader(recognizer, bundle.manifest.preprocessing, threads)
    return RecognizerReader(bundle, engine, name, precision, threads, batch)


def model_of(bundle: Bundle, backend: str, precision: Precision, parameters: int | None = None) -> Model:
    """What a result says of a bundle's network; the hash of an engine is added when it was timed.

    Args:
        bundle: an opened bundle.
        backend: that runs it.
        precision: which graph.
        parameters: where somebody counted them.
    """
    manifest = bundle.manifest
    graph = manifest.graph(precision, "onnxruntime" if backend == "torch" else backend)
    file = WEIGHTS if backend == "torch" else None if graph is None else graph.file
    record = None if file is None else manifest.files.get(file)
    return Model(
        name=manifest.name,
        architecture=manifest.architecture,
        plate_format=manifest.plate_format.name,
        graph_sha256=None if record is None else record.sha256,
        multiply_adds=None if graph is None else graph.multiply_adds,
        parameters=parameters,
        frames=manifest.frames or 1,
    )
