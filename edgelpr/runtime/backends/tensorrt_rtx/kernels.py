"""The kernels that TensorRT-RTX compiles on the GPU that runs them: compiled before they are captured, and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelpr.atomic import write_atomically
from edgelpr.engines.keepsakes import kernels_of
from edgelpr.engines.speaking import LOGGER
from edgelpr.errors import DeviceError, EngineError

_MAGIC = b"edgelpr kernels 1\n"
_DIGEST = 32


@dataclass(frozen=True)
class KernelFile:
    """Where compiled kernels are kept between processes: a file for each plan and GPU, in the user's cache folder.

    Not in the bundle: reading changes no bundle, and a bundle that was received brings no kernels of its own. The file only
    saves time; one that is damaged or cannot be written costs a note.
    """

    path: Path
    """The file; it need not exist."""

    note: Callable[[str], None] = LOGGER.warning
    """Told what went wrong."""

    def read(self) -> bytes | None:
        """What an earlier process kept; None where there is nothing that can be used."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.note(f"kernels {self.path}: cannot be read ({error.strerror or error}); they are compiled again")
            return None
        start = len(_MAGIC) + _DIGEST
        if content[:start] != _MAGIC + hashlib.sha256(content[start:]).digest():
            self.note(f"kernels {self.path}: damaged, so they were ignored and are compiled again")
            return None
        return content[start:]

    def write(self, kernels: bytes) -> None:
        """Keep kernels, whole or not at all."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, _MAGIC + hashlib.sha256(kernels).digest() + kernels)
        except OSError as error:
            said = error.strerror or error
            self.note(f"kernels {self.path}: cannot be written ({said}); the next process compiles them again")


def kernel_file(plan_sha256: str, gpu: str, note: Callable[[str], None] | None = None) -> KernelFile | None:
    """The file of a plan on a GPU; None where this user has no cache folder.

    Args:
        plan_sha256: hash of the plan.
        gpu: name of the GPU.
        note: told what goes wrong; None: the log.
    """
    try:
        return KernelFile(kernels_of(plan_sha256, gpu), note or LOGGER.warning)
    except EngineError:
        return None


class Kernels:
    """How the contexts of an engine of TensorRT-RTX get their kernels.

    Left to itself it runs general kernels until those for a batch size have been compiled in the background, and a CUDA graph
    that was captured meanwhile keeps the general ones for ever. Here a context waits for its kernels ("Dynamic Shapes Kernel
    Specialization" in its documentation), and all contexts share a cache.

    Args:
        module: ``tensorrt_rtx``.
        engine: an ``ICudaEngine``; a CUDA context is current.
        file: where the kernels are kept; None: nowhere.
    """

    def __init__(self, module: Any, engine: Any, file: KernelFile | None) -> None:
        self._file = file
        self._known = None if file is None else file.read()
        self._runtime_config = _made(engine.create_runtime_config(), "runtime configuration")
        self._runtime_config.set_execution_context_allocation_strategy(module.ExecutionContextAllocationStrategy.USER_MANAGED)
        self._runtime_config.dynamic_shapes_kernel_specialization_strategy = (
            module.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        self._runtime_cache: Any = _made(self._runtime_config.create_runtime_cache(), "cache of kernels")
        if file is not None and self._known is not None and not self._runtime_cache.deserialize(self._known):
            self._known = None
            file.note(f"kernels {file.path}: of another TensorRT-RTX, driver or GPU; they are compiled again")
        self._runtime_config.set_runtime_cache(self._runtime_cache)

    @staticmethod
    def are_compiled(module: Any) -> bool:
        """Whether this is a package that compiles kernels where they run."""
        return hasattr(module, "DynamicShapesKernelSpecializationStrategy")

    def create_context(self, engine: Any) -> Any:
        """An ``IExecutionContext`` without device memory of its own; None where it cannot be made."""
        return engine.create_execution_context(self._runtime_config)

    def keep(self) -> None:
        """Write what was compiled so far, where some of it is new: a process that is killed never closes. Closed: nothing."""
        if self._runtime_cache is None or self._file is None:
            return
        try:
            kernels = bytes(self._runtime_cache.serialize())
        except (RuntimeError, TypeError, MemoryError) as error:
            self._file.note(f"kernels {self._file.path}: TensorRT-RTX does not hand them out ({error})")
            return
        if kernels != self._known:
            self._known = kernels
            self._file.write(kernels)

    def close(self) -> None:
        """Keep what was compiled and free the rest; contexts must be gone, the engine must not. Again: nothing."""
        self.keep()
        self._runtime_cache = self._runtime_config = None


def _made(created: Any, what: str) -> Any:
    if created is None:
        raise DeviceError(
            f"TensorRT-RTX could not make a {what}; the device may be out of memory, --verbose or its log says more"
        )
    return created
