"""Backends by name; an engine's package is imported when it is asked for, and never replaced by another one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, get_args

from edgelpr.errors import UsageError
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendName, EngineBackend, Precision

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.runtime.backends.protocol import Backend

_LOADERS: dict[BackendName, str] = {
    "onnxruntime": "edgelpr.runtime.backends.onnxruntime.loader",
    "torch": "edgelpr.runtime.backends.torch.loader",
    "tensorrt": "edgelpr.runtime.backends.tensorrt.loader",
    "tensorrt-rtx": "edgelpr.runtime.backends.tensorrt_rtx.loader",
}


def load_backend(
    name: BackendName, bundle: Bundle, precision: Precision, threads: int | None, use: EngineUse | None = None
) -> Backend:
    """Load a bundle's network into an inference engine.

    Args:
        name: the engine.
        bundle: where the network comes from.
        precision: which of the bundle's graphs.
        threads: CPU threads for one batch; None lets the backend choose.
        use: for TensorRT, which GPU, and whether to build an engine where none fits.

    Raises:
        UsageError: an unknown name or precision, fewer than one thread, or something that the backend has no use for.
        BundleError: the bundle lacks what the engine needs.
        BackendError: the engine is broken or refuses the network.
        MissingDependencyError: the engine is not installed.
    """
    if name not in _LOADERS:
        raise UsageError(f"backend '{name}' is unknown; choose one of {', '.join(_LOADERS)}")
    if precision not in get_args(Precision):
        raise UsageError(f"precision '{precision}' is unknown; choose one of {', '.join(get_args(Precision))}")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise UsageError(f"threads is {threads!r}; expected 1 or more")
    load = import_module(_LOADERS[name]).load
    if name in get_args(EngineBackend):
        if threads is not None:
            raise UsageError(f"threads are for backends that compute on the processor; leave them out with '{name}'")
        engine: Backend = load(bundle, precision, use or EngineUse())
        return engine
    if use is not None and use != EngineUse():
        raise UsageError(
            f"building engines and choosing a GPU or a DLA are for {', '.join(get_args(EngineBackend))}, not for '{name}'"
        )
    backend: Backend = load(bundle, precision, threads)
    return backend
