"""From a bundle to a reader, and what a result says of its network."""

from __future__ import annotations

import os
from typing import get_args

from edgelpr.benchmarks.bench.recognizer_reader import RecognizerReader
from edgelpr.benchmarks.bench.result import Model
from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import BundleError
from edgelpr.runtime.backends.registry import load_backend
from edgelpr.runtime.choosing import choose
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendChoice, BackendName, EngineBackend, Precision

_WEIGHTS = "weights.safetensors"
_MOST_THREADS = 8


def usable_threads() -> int:
    """Processors that this process may use, at most 8: more do not make one plate faster."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_THREADS)


def open_reader(
    bundle: Bundle, backend: BackendChoice, precision: Precision, threads: int | None, batch: int, use: EngineUse | None = None
) -> RecognizerReader:
    """Load a bundle's network. Approvals do not matter here: measuring is what shows whether a precision is worth one.

    Args:
        bundle: an opened bundle.
        backend: the inference engine; ``auto`` takes what is fastest here.
        precision: which graph.
        threads: processor threads; None: as many as ``usable_threads``.
        batch: most crops at once.
        use: for TensorRT: which GPU, and whether an engine is built.

    Raises:
        BundleError: its graphs read tracks.
        EdgelprError: whatever ``Recognizer.open`` refuses.
    """
    use = use or EngineUse(batch=batch)
    _check_single_crops(bundle)
    if backend == "auto":
        choice = choose(bundle, precision, use, True)
        backend = choice.backend
        for line in choice.lines:
            use.say(line)
        use, threads = (use, None) if backend in get_args(EngineBackend) else (EngineUse(), threads)
    name: BackendName = backend
    if name not in get_args(EngineBackend):
        threads = threads or usable_threads()
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
    file = _WEIGHTS if backend == "torch" else None if graph is None else graph.file
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
