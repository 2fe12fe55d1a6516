"""A CUDA device by whichever Python package is there."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from edgelpr.cuda.cuda_bindings import CudaBindingsDevice
from edgelpr.cuda.interface import CudaDevice
from edgelpr.cuda.probing import device_of, load_driver, require_driver
from edgelpr.cuda.pycuda import PyCudaDevice
from edgelpr.errors import BackendError, MissingDependencyError, in_one_line
from edgelpr.types import CudaBindings

MODULES: dict[CudaBindings, str] = {"cuda-bindings": "cuda.bindings.driver", "pycuda": "pycuda.driver"}
"""What is imported of each package, the preferred first."""


def open_device(index: int = 0, bindings: CudaBindings | None = None) -> CudaDevice:
    """Retain the primary context of a GPU and make it current in this thread; close what is returned.

    Args:
        index: number of the GPU among those that the driver shows.
        bindings: which package; None: cuda-bindings, else pycuda.

    Raises:
        DeviceError: no driver, no such GPU, a forked process, or the driver refuses.
        MissingDependencyError: the package, or with None both, are not installed.
        BackendError: the package is installed but cannot be imported.
    """
    facts = device_of(require_driver(), index)
    name = bindings or installed_bindings()
    if name is None:
        raise MissingDependencyError(
            "a GPU is used through 'cuda-bindings' or 'pycuda', neither of which is installed. Run: pip install cuda-bindings"
        )
    module = _import(name)
    return CudaBindingsDevice(module, facts) if name == "cuda-bindings" else PyCudaDevice(module, load_driver(), facts)


def installed_bindings() -> CudaBindings | None:
    """The preferred of the packages that are installed, found without importing it."""
    return next((name for name, module in MODULES.items() if _is_installed(module)), None)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module.rpartition(".")[0]) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _import(name: CudaBindings) -> ModuleType:
    try:
        return import_module(MODULES[name])
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and not _is_installed(MODULES[name]):
            raise MissingDependencyError(f"the package '{name}' is not installed. Run: pip install {name}") from error
        raise BackendError(f"{name} is installed but cannot be imported ({in_one_line(error)}); install it again") from error
