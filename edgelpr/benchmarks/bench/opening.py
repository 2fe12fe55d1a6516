"""From a bundle to a reader, and what a result says of its network."""

from __future__ import annotations

from typing import get_args

from edgelpr.benchmarks.bench.recognizer_reader import RecognizerReader
from edgelpr.benchmarks.bench.run import Model
from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import BundleError
from edgelpr.runtime.backends.onnxruntime.loader import default_threads
from edgelpr.runtime.backends.registry import load_backend
from edgelpr.runtime.choosing import choose_and_say
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendChoice, BackendName, EngineBackend, Precision

WEIGHTS = "weights.safetensors"
"""Of a bundle that PyTorch can read."""


def open_reader(
    bundle: Bundle, backend: BackendChoice, precision: Precision, threads: int | None, batch: int, use: EngineUse | None = None
) -> RecognizerReader:
    """Load a bundle's network. Approvals do not matter here: measuring is what shows whether a precision is worth one.

    Args:
        bundle: an opened bundle.
        backend: the inference engine; ``auto`` takes what is fastest here.
        precision: which graph.
        threads: processor threads; None: as many as this process may use, at most 8.
        batch: most crops at once.
        use: for TensorRT: which GPU, and whether an engine is built.

    Raises:
        BundleError: its graphs read tracks.
        EdgelprError: whatever ``Recognizer.open`` refuses.
    """
    use = use or EngineUse(batch=batch)
    _check_single_crops(bundle)
    if backend == "auto":
        choice, use, threads = choose_and_say(bundle, precision, use, threads, allow_unapproved=True)
        backend = choice.backend
    name: BackendName = backend
    if name not in get_args(EngineBackend):
        threads = threads or default_threads()
    engine = load_backend(name, bundle, precision, threads, use)
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
    )


def _check_single_crops(bundle: Bundle) -> None:
    for graph in bundle.manifest.graphs:
        if graph.frames is not None:
            raise BundleError(
                f"{bundle.path}: reads tracks of {graph.frames} frames, and only single crops are timed here; 'edgelpr bench "
                "paper' times IQ-STAN"
            )
