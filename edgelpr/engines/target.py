"""What an engine is for, and what is here: the two sides that have to agree."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from edgelpr.bundle.checking import checked_keys, chosen, typed
from edgelpr.cuda.facts import DeviceFacts
from edgelpr.engines.modules import NAMES
from edgelpr.engines.plain import printable, printables
from edgelpr.errors import BundleError
from edgelpr.types import EngineBackend

_LONGEST_VERSION = 64
_NO_NUMBER = re.compile(r"\d{10}")  # parts of a version are compared as numbers, and Python refuses to read very long ones


@dataclass(frozen=True)
class Target:
    """An inference engine, its version and the GPU below it.

    Raises:
        BundleError: no compute capability, or a version that is none.
    """

    backend: EngineBackend
    """TensorRT or TensorRT-RTX."""

    tensorrt_version: str
    """As the package writes it itself, all parts: ``10.3.0`` or ``10.16.1.11``."""

    gpu: str
    """Name of the GPU as CUDA gives it; empty for an engine that was built without one."""

    compute_capabilities: tuple[str, ...]
    """``("sm87",)``; several only for an engine of TensorRT-RTX that was built for several."""

    l4t: str | None
    """Jetson Linux as the board writes it; None on other machines."""

    multiprocessors: int | None = None
    """Of the GPU: boards with fewer or more share a name; None where nobody said."""

    board: str | None = None
    """Model of a Jetson: those with as many differ in their clocks; None on other machines, and where it is hidden."""

    def __post_init__(self) -> None:
        if not self.compute_capabilities:
            raise BundleError("target without a compute capability; expected one such as sm87")
        version = self.tensorrt_version
        if len(version) > _LONGEST_VERSION or _NO_NUMBER.search(version):
            raise BundleError(f"target of the version '{version[:_LONGEST_VERSION]}'; expected one such as 10.3.0")

    @property
    def software(self) -> str:
        """Name and version of the inference engine, for people."""
        return f"{NAMES[self.backend]} {self.tensorrt_version}"

    @property
    def hardware(self) -> str:
        """The GPU, for people."""
        capabilities = ", ".join(self.compute_capabilities)
        if not self.gpu:
            return f"any GPU of {capabilities}"
        return f"{self.gpu} ({', '.join(part for part in (capabilities, self.board, self._size) if part)})"

    @property
    def named_gpu(self) -> str:
        """The GPU by its name and its size, as verdicts on an engine name it: a container may hide the board."""
        return self.gpu if self._size is None else f"{self.gpu} ({self._size})"

    @property
    def _size(self) -> str | None:
        return None if self.multiprocessors is None else f"{self.multiprocessors} SMs"

    @classmethod
    def of_gpu(
        cls, backend: EngineBackend, tensorrt_version: str, gpu: DeviceFacts, l4t: str | None, board: str | None
    ) -> Target:
        """What an engine has to be for to run on a GPU that is here."""
        return cls(backend, tensorrt_version, gpu.name, (gpu.sm,), l4t, gpu.multiprocessors, board)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        return asdict(self) | {"compute_capabilities": list(self.compute_capabilities)}

    @classmethod
    def from_dict(cls, values: Any, where: str = "target") -> Target:
        """Build from plain values.

        Raises:
            BundleError: a missing or an unknown key, or a value that does not fit.
        """
        values = checked_keys(values, [field.name for field in fields(cls)], where)
        l4t, count, board = values["l4t"], values["multiprocessors"], values["board"]
        return cls(
            backend=chosen(values["backend"], get_args(EngineBackend), f"{where}: backend"),
            tensorrt_version=printable(values["tensorrt_version"], f"{where}: tensorrt_version"),
            gpu=printable(values["gpu"], f"{where}: gpu"),
            compute_capabilities=printables(values["compute_capabilities"], f"{where}: compute_capabilities"),
            l4t=None if l4t is None else printable(l4t, f"{where}: l4t"),
            multiprocessors=None if count is None else typed(count, int, f"{where}: multiprocessors"),
            board=None if board is None else printable(board, f"{where}: board"),
        )
