"""What loads plans: a runtime of TensorRT, and the driver that it needs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

from edgelpr.engines.modules import MODULES, version_of
from edgelpr.engines.speaking import Said, cannot_start
from edgelpr.errors import DeviceError
from edgelpr.types import EngineBackend

_MAJORS = (11, 12, 13, 14)


def create_runtime(module: ModuleType, log: Any, said: Said, host_code: bool = False, dla: int | None = None) -> Any:
    """A ``Runtime``. Only where a driver answers: without one some versions end the process.

    Args:
        module: ``tensorrt`` or ``tensorrt_rtx``.
        log: an ``ILogger``, which must outlive the runtime.
        said: what that log hears, for the message.
        host_code: whether plans may bring code for the processor, as version-compatible ones do; only for trusted plans.
        dla: the DLA core that plans run on, which is not in the plan; None: TensorRT's choice.

    Raises:
        DeviceError: CUDA does not start.
    """
    whose = f"{module.__name__} {version_of(module)}"
    try:
        runtime = module.Runtime(log)
    except (TypeError, RuntimeError, MemoryError) as error:  # its bindings say TypeError where CUDA does not start
        raise DeviceError(cannot_start(whose, said, error)) from error
    if runtime is None:
        raise DeviceError(cannot_start(whose, said))
    if host_code:
        runtime.engine_host_code_allowed = True
    if dla is not None:
        runtime.DLA_core = dla
    return runtime


def least_driver(backend: EngineBackend) -> int | None:
    """Oldest CUDA that the driver must know for the installed package, 13000 for one that is built for CUDA 13.

    The package's name says for which CUDA it was built, and within a major version every driver serves (CUDA Compatibility,
    "Minor Version Compatibility").

    Returns:
        None where the name does not say, as with JetPack's own, or where packages for several are installed.
    """
    found = [major for major in _MAJORS if _is_installed(f"{MODULES[backend]}_cu{major}")]
    return found[0] * 1000 if len(found) == 1 else None


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
