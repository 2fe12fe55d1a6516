"""What an engine is for, and what is here: the two sides that have to agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from edgelpr.bundle.checking import checked_keys, chosen, texts, typed
from edgelpr.errors import BundleError
from edgelpr.types import EngineBackend

_NAMES: Mapping[EngineBackend, str] = {"tensorrt": "TensorRT", "tensorrt-rtx": "TensorRT-RTX"}


@dataclass(frozen=True)
class Target:
    """An inference engine, its version and the GPU below it.

    Raises:
        BundleError: no compute capability.
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

    def __post_init__(self) -> None:
        if not self.compute_capabilities:
            raise BundleError("target without a compute capability; expected one such as sm87")

    @property
    def software(self) -> str:
        """Name and version of the inference engine, for people."""
        return f"{_NAMES[self.backend]} {self.tensorrt_version}"

    @property
    def hardware(self) -> str:
        """The GPU, for people."""
        capabilities = ", ".join(self.compute_capabilities)
        return f"{self.gpu} ({capabilities})" if self.gpu else f"any GPU of {capabilities}"

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
        l4t = values["l4t"]
        return cls(
            backend=chosen(values["backend"], get_args(EngineBackend), f"{where}: backend"),
            tensorrt_version=typed(values["tensorrt_version"], str, f"{where}: tensorrt_version"),
            gpu=typed(values["gpu"], str, f"{where}: gpu"),
            compute_capabilities=texts(values["compute_capabilities"], f"{where}: compute_capabilities"),
            l4t=None if l4t is None else typed(l4t, str, f"{where}: l4t"),
        )
