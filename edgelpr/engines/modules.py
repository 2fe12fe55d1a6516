"""TensorRT's Python packages: which are there, and loading one with a reason where that fails."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType
from typing import get_args

from edgelpr.errors import BackendError, MissingDependencyError, in_one_line
from edgelpr.types import EngineBackend

MODULES: dict[EngineBackend, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
"""What each backend imports."""

NAMES: dict[EngineBackend, str] = {"tensorrt": "TensorRT", "tensorrt-rtx": "TensorRT-RTX"}
"""What people call them."""

_INSTALL: dict[EngineBackend, str] = {
    "tensorrt": "on a Jetson it comes with JetPack, and a virtual environment sees it when it is made with "
    "'python3 -m venv --system-site-packages'; on an x86-64 machine run: pip install '.[tensorrt]' in a clone of edgelpr",
    "tensorrt-rtx": "run: pip install tensorrt-rtx-cu13 (or -cu12, for a driver of CUDA 12)",
}
_LIBRARY_HINTS = (".so", ".dll", "DLL load failed")


def installed_backends() -> tuple[EngineBackend, ...]:
    """Backends whose package is installed, TensorRT first; found without importing any."""
    return tuple(backend for backend in get_args(EngineBackend) if find_spec(MODULES[backend]) is not None)


def load_tensorrt(backend: EngineBackend) -> ModuleType:
    """Import the package of a backend.

    Raises:
        MissingDependencyError: it is not installed.
        BackendError: it is there but cannot be loaded: libraries are missing, or it is for another Python.
    """
    name = MODULES[backend]
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise MissingDependencyError(
                f"the backend {backend} needs the package '{name}', which this Python does not find: {_INSTALL[backend]}"
            ) from error
        raise BackendError(_broken(name, error)) from error
    except (ImportError, OSError) as error:
        raise BackendError(_broken(name, error)) from error
    if not hasattr(module, "Builder"):  # an empty folder of that name imports without a complaint
        raise BackendError(_broken(name, ImportError(f"it has no Builder; it was found at {_place(module)}")))
    return module


def version_of(module: ModuleType) -> str:
    """The version of a loaded package, as it writes it itself: ``10.3.0``."""
    return str(getattr(module, "__version__", "unknown"))


def _broken(name: str, error: Exception) -> str:
    said = in_one_line(error)
    if any(hint in said for hint in _LIBRARY_HINTS):
        reason = "its bindings are installed without the libraries that they need, or those are of another version"
    else:
        reason = "its installation is damaged, or for another Python"
    return f"the package '{name}' is installed but cannot be loaded ({said}): {reason}. 'edgelpr doctor' says what is missing"


def _place(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or list(getattr(module, "__path__", ["?"])))
