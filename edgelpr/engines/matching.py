"""Whether an engine may be loaded here, decided by its record alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelpr.engines.record import EngineRecord
from edgelpr.engines.target import Target
from edgelpr.types import Precision

_AMPERE = 80
_NEXT = ((8, 10), (10, 11))
"""Major versions of which the second runs version-compatible engines of the first; no others do: support matrix of TensorRT
11.4, "Engine Portability"."""


@dataclass(frozen=True)
class Mismatch:
    """One thing in which an engine and this machine, or this bundle, differ."""

    what: str
    """What differs, for people."""

    built: str
    """What the engine was built for."""

    here: str
    """What is here."""

    text: str = ""
    """Said in place of both, where they do not say enough."""


def mismatches(
    record: EngineRecord, here: Target, graph_sha256: str, precision: Precision, batch: int | None = None
) -> tuple[Mismatch, ...]:
    """All that speaks against loading an engine here; empty: it may be loaded.

    Args:
        record: of the engine.
        here: the inference engine and the GPU of this machine.
        graph_sha256: hash of the bundle's graph that ``here.backend`` runs in ``precision``.
        precision: that is wanted.
        batch: the largest number of crops at once that is wanted; None: any.
    """
    return tuple(_all(record, here, graph_sha256, precision, batch))


def remarks(record: EngineRecord, here: Target) -> tuple[str, ...]:
    """What is worth saying although the engine may be loaded."""
    if record.target.l4t == here.l4t:
        return ()
    built, now = record.target.l4t or "another system than a Jetson", here.l4t or "another system than a Jetson"
    return (f"the engine was built under {built}, here is {now}; GPU and TensorRT agree, so it is used",)


def explain(path: Path, found: Sequence[Mismatch], command: str) -> str:
    """Both sides of every mismatch and the command that builds the engine anew, for a message."""
    return f"{path}: does not fit: {describe(found)}. Build it again: {command}"


def describe(found: Sequence[Mismatch]) -> str:
    """Both sides of every mismatch."""
    return "; ".join(item.text or f"{item.what}: built for {item.built}, here {item.here}" for item in found)


def _all(record: EngineRecord, here: Target, graph_sha256: str, precision: Precision, batch: int | None) -> Iterator[Mismatch]:
    target = record.target
    if target.backend != here.backend:
        yield Mismatch("inference engine", target.software, here.software)
        return  # versions and GPUs of different engines do not compare
    if not _same_version(record, here):
        yield Mismatch("version", target.software, here.software)
    if not _same_gpu(record, here):
        yield Mismatch("GPU", _reach(record), here.hardware)
    if record.precision != precision:
        yield Mismatch("precision", record.precision, precision)
    if record.graph_sha256 != graph_sha256:
        yield Mismatch("network", f"graph {record.graph_sha256[:12]}", f"graph {graph_sha256[:12]}")
    smallest, _, largest = record.options.batches
    if batch is not None and not smallest <= batch <= largest:
        yield Mismatch("batch", f"{smallest} to {largest} crops at once", str(batch))


def _same_version(record: EngineRecord, here: Target) -> bool:
    built, now = _parts(record.target.tensorrt_version), _parts(here.tensorrt_version)
    if record.options.version_compatible and built and now:
        return (built[0] == now[0] and now >= built) or (built[0], now[0]) in _NEXT
    return record.target.tensorrt_version == here.tensorrt_version


def _same_gpu(record: EngineRecord, here: Target) -> bool:
    built, now = record.target, here.compute_capabilities[0]
    if here.backend == "tensorrt-rtx":  # it finishes its kernels on the GPU that runs them
        return now in built.compute_capabilities
    compatibility = record.options.hardware_compatibility
    if compatibility == "ampere-plus":
        return _number(now) >= _AMPERE
    if compatibility == "same-compute-capability":
        return now == built.compute_capabilities[0]
    return (
        (built.gpu, built.compute_capabilities, built.multiprocessors)
        == (here.gpu, here.compute_capabilities, here.multiprocessors)
        # In a container the board may be hidden, and there the rest has to do.
        and (None in (built.board, here.board) or built.board == here.board)
    )


def _reach(record: EngineRecord) -> str:
    target, compatibility = record.target, record.options.hardware_compatibility
    if target.backend == "tensorrt-rtx" or compatibility == "same-compute-capability":
        return f"GPUs of {' or '.join(target.compute_capabilities)}"
    return "GPUs of sm80 and later" if compatibility == "ampere-plus" else target.hardware


def _parts(version: str) -> tuple[int, ...]:
    """10.3.0.26 as numbers; empty for a version that is none."""
    return tuple(map(int, version.split("."))) if re.fullmatch(r"\d+(\.\d+)+", version) else ()


def _number(capability: str) -> int:
    digits = re.sub(r"\D", "", capability)
    return int(digits) if digits else 0
