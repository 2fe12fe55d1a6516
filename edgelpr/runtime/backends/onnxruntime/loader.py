"""A bundle's graph as an ONNX Runtime session."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from edgelpr.bundle.approval import DEVICES_OF_ONNXRUNTIME
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import Graph
from edgelpr.errors import BackendError, BundleError, MissingDependencyError, in_one_line
from edgelpr.runtime.backends.onnxruntime.runner import OnnxRuntimeRunner
from edgelpr.runtime.decoding import class_mask
from edgelpr.types import Precision

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_MOST_THREADS = 8
_ERRORS_ONLY = 3
# Of every precision: what is computed in fp16 or int8 inside comes out as in fp32.
_TYPES = {"uint8": "tensor(uint8)", "int32": "tensor(int32)", "float32": "tensor(float)"}


def load(bundle: Bundle, precision: Precision, threads: int | None) -> OnnxRuntimeRunner:
    """Open the graph of a precision: on CUDA when the installed ONNX Runtime has it, else on the CPU.

    Args:
        bundle: an opened bundle.
        precision: which graph.
        threads: CPU threads for one batch; None: as many as this process may use, at most 8.

    Raises:
        BundleError: no graph of this precision, or one that contradicts the manifest.
        BackendError: ONNX Runtime is broken or refuses the graph, or CUDA is there but does not start.
        MissingDependencyError: ONNX Runtime is not installed.
    """
    graph = bundle.graph(precision, "onnxruntime")
    path = bundle.file(graph.file)
    runtime = import_runtime()
    threads = threads or default_threads()
    session = open_session(runtime, str(path), threads)
    check_contract(session, graph, str(path))
    provider = session.get_providers()[0]
    count = f"{threads} thread{'s' if threads > 1 else ''}"
    description = f"onnxruntime {runtime.__version__} {provider}, {count}"
    device = DEVICES_OF_ONNXRUNTIME[provider]
    return OnnxRuntimeRunner(session, graph, class_mask(bundle.manifest.plate_format), description, device, threads)


def import_runtime() -> ModuleType:
    """The package ``onnxruntime``.

    Raises:
        MissingDependencyError: it is not installed.
        BackendError: it is broken.
    """
    try:
        runtime = import_module("onnxruntime")
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise
        raise MissingDependencyError(
            "the backend 'onnxruntime' needs the package 'onnxruntime', which is not installed. Run: pip install onnxruntime"
        ) from error
    except ImportError as error:
        raise BackendError(f"onnxruntime is installed but cannot be imported ({error}); install it again") from error
    if not hasattr(runtime, "InferenceSession"):
        raise BackendError("onnxruntime is installed but empty, as after removing one of two variants; install it again")
    return runtime


def default_threads() -> int:
    """As many as this process may use, at most 8."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_THREADS)


def open_session(runtime: ModuleType, path: str, threads: int, trace: Path | None = None) -> Any:
    """An ``InferenceSession``: on CUDA where ONNX Runtime has it, else on the CPU.

    Args:
        runtime: the package.
        path: of the graph.
        threads: CPU threads.
        trace: begins the name of a file that times of operators go to; None: they are not taken.

    Raises:
        BackendError: ONNX Runtime refuses the graph, or CUDA is there but does not start.
    """
    providers, options = _providers(runtime), _options(runtime, threads)
    if trace is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(trace)
    try:
        session = runtime.InferenceSession(path, options, providers=providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's own exceptions share no public base
        raise BackendError(
            f"{path}: onnxruntime {runtime.__version__} with {providers[0]} refuses the graph ({in_one_line(error)}); "
            "install a newer onnxruntime, or export with a lower opset"
        ) from error
    session.disable_fallback()
    if session.get_providers()[0] != providers[0]:
        raise BackendError(
            f"{path}: onnxruntime {runtime.__version__} has {providers[0]}, but it did not start; install the driver and the "
            "CUDA and cuDNN libraries it was built for, or set CUDA_VISIBLE_DEVICES=-1 to read on the CPU"
        )
    return session


def _providers(runtime: ModuleType) -> list[str]:
    """CUDA first where it is built in, unless the user hid the devices, which asks for the CPU."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")
    return [_CUDA, _CPU] if _CUDA in runtime.get_available_providers() and not hidden else [_CPU]


def _options(runtime: ModuleType, threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    # Threads wait busily inside a batch, where gaps are microseconds, but sleep between batches and leave the cores free.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if threads > 1 else "0")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def check_contract(session: Any, graph: Graph, path: str) -> None:
    """Compare what a session takes and returns with what the manifest says of its graph.

    Raises:
        BundleError: they differ.
    """
    inputs = [(item.name, item.type, tuple(item.shape[1:])) for item in session.get_inputs()]
    outputs = [(item.name, item.type) for item in session.get_outputs()]
    taken = [(each.name, _TYPES[each.dtype], each.shape[1:]) for each in graph.inputs]
    returned = [(name, _TYPES["int32" if name == "classes" else "float32"]) for name in graph.outputs]
    if inputs != taken or outputs != returned:
        raise BundleError(
            f"{path}: the graph takes {inputs} and returns {outputs}; the manifest says {taken} and {returned}. "
            "Export the bundle again"
        )
