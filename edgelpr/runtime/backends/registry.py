"""Backends by name; an engine's package is imported when it is asked for, and never replaced by another one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, get_args

from edgelpr.errors import UsageError
from edgelpr.types import BackendName, Precision

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.runtime.backends.protocol import Backend

_LOADERS: dict[BackendName, str] = {
    "onnxruntime": "edgelpr.runtime.backends.onnxruntime.loader",
    "torch": "edgelpr.runtime.backends.torch.loader",
}


def load_backend(name: BackendName, bundle: Bundle, precision: Precision, threads: int | None) -> Backend:
    """Load a bundle's network into an inference engine.

    Args:
        name: the engine.
        bundle: where the network comes from.
        precision: which of the bundle's graphs.
        threads: CPU threads for one batch; None lets the backend choose.

    Raises:
        UsageError: an unknown name or precision, or fewer than one thread.
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
    backend: Backend = import_module(_LOADERS[name]).load(bundle, precision, threads)
    return backend
