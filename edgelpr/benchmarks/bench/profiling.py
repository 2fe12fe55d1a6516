"""Where the time of one pass goes, operator by operator."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.bench.opening import WEIGHTS
from edgelpr.benchmarks.bench.reader import Reader
from edgelpr.benchmarks.bench.result import Layer, Profile
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import PRESENT
from edgelpr.errors import BackendError, UsageError, in_one_line, require
from edgelpr.preprocessing.crop import scale
from edgelpr.runtime.backends.onnxruntime.loader import import_runtime, open_session
from edgelpr.types import EngineBackend, Precision

PROFILED = ("onnxruntime", "torch", "tensorrt", "tensorrt-rtx")
"""Backends that tell the time of each operator, or of each layer."""

_PASSES, _UNTIMED = 50, 10
_KERNEL = "_kernel_time"


def profile(bundle: Bundle, reader: Reader, precision: Precision, batch: NDArray[np.uint8]) -> Profile:
    """Run a network with its engine's own profiler, in a session or a context of its own: profiling slows what it looks at.

    Args:
        bundle: an opened bundle.
        reader: that is timed; its backend, threads and, where one was built, its engine are profiled.
        precision: which graph.
        batch: of ``Reader.network_input``.

    Raises:
        UsageError: a backend that does not tell.
        BundleError: no graph or no weights for it.
        BackendError: the engine fails.
    """
    check_profiled(reader.backend, precision)
    if reader.backend in get_args(EngineBackend):
        layers = _profile_engine(reader, batch)
    elif reader.backend == "torch":
        layers = _profile_torch(bundle, batch)
    else:
        layers = _profile_onnx(bundle, precision, reader.threads or 1, batch)
    return Profile(reader.backend, precision, len(batch), tuple(layers))


def check_profiled(backend: str, precision: Precision) -> None:
    """Refuse a backend that cannot be profiled.

    Raises:
        UsageError: it does not tell the times of its layers.
    """
    if backend not in PROFILED:
        raise UsageError(f"--profile: the backend '{backend}' does not tell its layers' times; choose {' or '.join(PROFILED)}")
    if backend == "torch" and precision != "fp32":
        raise UsageError(
            f"--profile: torch in {precision} runs as one CUDA graph, whose layers are not told apart; choose fp32"
        )


def layers_of_events(events: Sequence[Mapping[str, Any]], untimed: int) -> list[Layer]:
    """Layers of ONNX Runtime's trace, in the order they ran, with the median of the passes after the first ones.

    Args:
        events: of the trace.
        untimed: passes at the start that do not count.
    """
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and str(event.get("name", "")).endswith(_KERNEL):
            arguments = event.get("args", {})
            times[str(event["name"]).removesuffix(_KERNEL), str(arguments.get("op_name", ""))].append(float(event["dur"]))
    return [Layer(name, kind, round(median(taken[untimed:] or taken), 3)) for (name, kind), taken in times.items()]


def _profile_onnx(bundle: Bundle, precision: Precision, threads: int, batch: NDArray[np.uint8]) -> list[Layer]:
    runtime = import_runtime()
    graph = bundle.graph(precision, "onnxruntime")
    feed = {graph.input_name: batch if graph.input_dtype == "uint8" else scale(batch, graph.channels)}
    if graph.frames is not None:
        feed[PRESENT] = np.ones(batch.shape[:2], dtype=np.uint8)
    with TemporaryDirectory(prefix="edgelpr-profile-") as folder:
        session = open_session(runtime, str(bundle.file(graph.file)), threads, Path(folder) / "trace")
        try:
            for _ in range(_UNTIMED + _PASSES):
                session.run(None, feed)
            trace = Path(session.end_profiling())
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            raise BackendError(f"{graph.file}: onnxruntime failed while profiling ({in_one_line(error)})") from error
        return layers_of_events(json.loads(trace.read_text(encoding="utf-8")), _UNTIMED)


def _profile_engine(reader: Reader, batch: NDArray[np.uint8]) -> list[Layer]:
    """What TensorRT made of the graph: layers of its own, whose kinds it does not tell."""
    times = reader.layer_ms(reader.prepare(batch), _PASSES)
    if times is None:
        raise UsageError(f"--profile: this engine of {reader.backend} does not tell its layers' times; leave it out")
    return [Layer(name, "", round(1000 * time, 3)) for name, time in times.items()]


def _profile_torch(bundle: Bundle, batch: NDArray[np.uint8]) -> list[Layer]:
    torch = require("torch", "export", "--profile")
    from edgelpr.models.checkpoint import load_checkpoint

    network = load_checkpoint(bundle.file(WEIGHTS), bundle.manifest.plate_format).eval()
    inputs = torch.from_numpy(scale(batch))
    with torch.inference_mode():
        for _ in range(_UNTIMED):
            network(inputs)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as recorded:
            for _ in range(_PASSES):
                network(inputs)
    own = [(event.key, event.self_cpu_time_total / _PASSES) for event in recorded.key_averages()]
    return [Layer(name, name.removeprefix("aten::"), round(time, 3)) for name, time in own if time > 0]
