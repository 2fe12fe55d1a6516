"""What a user may decide about an engine; the engine's record keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args

from edgelpr.bundle.checking import checked_keys, chosen, texts, typed
from edgelpr.errors import BundleError, UsageError
from edgelpr.types import HardwareCompatibility

LARGEST_BATCH = 256
"""What the exported graphs take at most."""

HIGHEST_LEVEL = 5
"""Of TensorRT's builder optimisation levels, 0 to 5; TensorRT's own choice is 3."""

LEAST_WORKSPACE = 1 << 20
"""In bytes; less is a mistake in the unit."""

MOST_WORKSPACE = 1 << 40
"""In bytes, 1 TiB; no GPU has as much, and TensorRT takes no number without an end."""

_TARGET = re.compile(r"sm\d{2,3}")


@dataclass(frozen=True)
class BuildOptions:
    """How an engine is built.

    Raises:
        UsageError: a value out of range, or values that exclude each other.
    """

    batches: tuple[int, int, int] = (1, 1, 32)
    """Smallest, usual and largest batch: the optimisation profile. The engine takes all of them and is fastest at the usual."""

    workspace_bytes: int | None = None
    """Device memory that one layer may use at most while it computes; None: from the memory that is free, see ``workspace``."""

    level: int | None = None
    """Builder optimisation level, 0 (quick build) to 5 (fast engine); None: TensorRT's own choice."""

    dla_core: int | None = None
    """Deep Learning Accelerator that computes what it can; None: the GPU computes all."""

    version_compatible: bool = False
    """Whether later versions of TensorRT run the engine too; see ``matching`` for which. Not on a Jetson."""

    hardware_compatibility: HardwareCompatibility = "none"
    """Which other GPUs run the engine too. Not on a Jetson."""

    targets: tuple[str, ...] = ()
    """Compute capabilities such as ``sm86`` to build for, with TensorRT-RTX only; empty: the GPU of this machine. Of several
    the oldest decides how the engine computes, see ``lowest``."""

    def __post_init__(self) -> None:
        smallest, usual, largest = self.batches
        if not 1 <= smallest <= usual <= largest <= LARGEST_BATCH:
            raise UsageError(f"batches {_listed(self.batches)}: expected smallest, usual, largest, from 1 to {LARGEST_BATCH}")
        if self.workspace_bytes is not None and not LEAST_WORKSPACE <= self.workspace_bytes <= MOST_WORKSPACE:
            found = f"{self.workspace_bytes} bytes" if self.workspace_bytes < LEAST_WORKSPACE else "more than 1 TiB"
            raise UsageError(f"workspace of {found}: expected 1MiB to 1024GiB, for example 512MiB or 2GiB")
        if self.level is not None and not 0 <= self.level <= HIGHEST_LEVEL:
            raise UsageError(f"builder level {self.level}: expected 0 (builds quickly) to {HIGHEST_LEVEL} (runs fast)")
        if self.dla_core is not None and self.dla_core < 0:
            raise UsageError(f"DLA core {self.dla_core}: expected 0 or more; Orin NX and AGX Orin have 0 and 1")
        self._check_targets()

    def _check_targets(self) -> None:
        for target in self.targets:
            if not _TARGET.fullmatch(target):
                raise UsageError(f"target '{target}': expected a compute capability such as sm86 or sm120")
        if len(set(self.targets)) != len(self.targets):
            raise UsageError(f"targets {_listed(self.targets)}: one is named twice")

    @property
    def one_batch(self) -> bool:
        """Whether the engine takes one batch size and no other, as on a DLA it must."""
        return len(set(self.batches)) == 1

    @property
    def batches_in_words(self) -> str:
        """For people: ``1 to 32, fastest at 1``, or ``8`` where that is all it takes."""
        smallest, usual, largest = self.batches
        return str(usual) if self.one_batch else f"{smallest} to {largest}, fastest at {usual}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``from_dict`` takes them back."""
        return asdict(self) | {"batches": list(self.batches), "targets": list(self.targets)}

    @classmethod
    def from_dict(cls, values: Any, where: str = "options") -> BuildOptions:
        """Build from plain values.

        Args:
            values: as ``to_dict`` gives them.
            where: what to call it in messages.

        Raises:
            BundleError: a missing or an unknown key, or a value that does not fit.
        """
        values = checked_keys(values, [field.name for field in fields(cls)], where)
        compatibility = values["hardware_compatibility"]
        try:
            return cls(
                batches=_batches(values["batches"], f"{where}: batches"),
                workspace_bytes=_whole(values, "workspace_bytes", where),
                level=_whole(values, "level", where),
                dla_core=_whole(values, "dla_core", where),
                version_compatible=typed(values["version_compatible"], bool, f"{where}: version_compatible"),
                hardware_compatibility=chosen(
                    compatibility, get_args(HardwareCompatibility), f"{where}: hardware_compatibility"
                ),
                targets=texts(values["targets"], f"{where}: targets"),
            )
        except UsageError as error:
            raise BundleError(f"{where}: {error}") from error


def lowest(targets: tuple[str, ...]) -> str:
    """The oldest of several compute capabilities: its kernels are those that TensorRT-RTX builds for all of them.

    Seen with TensorRT-RTX 1.7: an engine for sm86, sm89 and sm120 has the size and the kernels of one for sm86 alone.
    """
    return min(targets, key=lambda target: int(target.removeprefix("sm")))


def _whole(values: Mapping[str, Any], key: str, where: str) -> int | None:
    return None if values[key] is None else typed(values[key], int, f"{where}: {key}")


def _batches(value: Any, where: str) -> tuple[int, int, int]:
    counts = [typed(count, int, where) for count in typed(value, list, where)]
    if len(counts) != 3:
        raise BundleError(f"{where}: found {len(counts)} numbers; expected 3: smallest, usual and largest")
    return counts[0], counts[1], counts[2]


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(map(str, values))
