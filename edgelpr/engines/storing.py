"""The store: plans and their records, found by what they are for.

``NAME.plan`` is the plan and ``NAME.json`` its record, both in one of the folders of ``placing``. The plan is written first and
the name holds its hash, so that a record never stands beside another plan; a plan without a record is no engine.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgelpr.atomic import write_atomically
from edgelpr.bundle.bundle import Bundle
from edgelpr.engines.placing import engine_folders, writable_folder
from edgelpr.engines.record import EngineRecord, read_record
from edgelpr.errors import BuildError, EngineError

PLAN = ".plan"
"""Suffix of a plan."""

RECORD = ".json"
"""Suffix of its record."""


@dataclass(frozen=True)
class StoredEngine:
    """A plan on the disk with a record that was understood; the plan itself was not looked at."""

    path: Path
    """The plan."""

    record: EngineRecord
    """What it is."""


def engines_of(bundle: Bundle) -> tuple[StoredEngine, ...]:
    """All engines of a bundle, the newest of each folder first; whether one fits is another question, see ``finding``."""
    return tuple(engine for folder in engine_folders(bundle) for engine in _engines_in(folder))


def strays(bundle: Bundle) -> tuple[str, ...]:
    """What lies among the engines of a bundle but is none, and why: plans without a record, records that say nothing."""
    return tuple(reason for folder in engine_folders(bundle) for reason in _strays_in(folder))


def write_engine(bundle: Bundle, plan: bytes, record: EngineRecord) -> StoredEngine:
    """Put an engine into the store: whole or not at all. One of the same kind that lies there is removed after that.

    Raises:
        BuildError: the record is of another plan, or the engine cannot be written; nothing was left behind.
        EngineError: there is no folder for it.
    """
    if (hashlib.sha256(plan).hexdigest(), len(plan)) != (record.plan_sha256, record.plan_bytes):
        raise BuildError(f"{bundle.path}: the engine's record is of another plan; nothing was written")
    path = writable_folder(bundle) / (_name_of(record) + PLAN)
    stood = path.exists()  # the same plan, built again
    try:
        write_atomically(path, plan)
        write_atomically(path.with_suffix(RECORD), record.to_json())
    except BaseException as error:
        if not stood:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise BuildError(
                f"{path}: the engine could not be written ({error.strerror or error}); nothing was left behind. Free some "
                "space or make the folder writable, then build again"
            ) from error
        raise
    stored = StoredEngine(path, record)
    _remove_older(stored)
    return stored


def read_plan(stored: StoredEngine, rebuild: str = "edgelpr build") -> bytes:
    """A plan, checked against its record before anybody loads it.

    Args:
        stored: as found.
        rebuild: the command that builds it anew, for messages.

    Raises:
        EngineError: it cannot be read, or is not what the record says.
    """
    path, record = stored.path, stored.record
    again = f"Build it again: {rebuild}"
    if path.is_symlink() or not path.is_file():
        raise EngineError(f"{path}: is not a regular file. {again}")
    try:
        size = path.stat().st_size
        if size != record.plan_bytes:
            raise EngineError(f"{path}: is damaged: {size} bytes, its record says {record.plan_bytes}. {again}")
        plan = path.read_bytes()
    except OSError as error:
        raise EngineError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error
    if hashlib.sha256(plan).hexdigest() != record.plan_sha256:
        raise EngineError(f"{path}: is damaged: its content does not match the hash in its record. {again}")
    return plan


def _engines_in(folder: Path) -> list[StoredEngine]:
    found = []
    for path in _files(folder, RECORD):
        plan = path.with_suffix(PLAN)
        if _is_plain(plan):
            with contextlib.suppress(EngineError):  # `strays` names it
                found.append(StoredEngine(plan, read_record(path)))
    return sorted(found, key=lambda engine: engine.record.built, reverse=True)


def _strays_in(folder: Path) -> Iterator[str]:
    for path in _files(folder, PLAN):
        if not _is_plain(path.with_suffix(RECORD)):
            yield f"{path}: has no record ({path.stem}{RECORD}), so it is not known what it is for; remove it"
    for path in _files(folder, RECORD):
        if not _is_plain(path.with_suffix(PLAN)):
            yield f"{path}: is the record of an engine that is gone; remove it"
            continue
        try:
            read_record(path)
        except EngineError as error:
            yield str(error)


def _files(folder: Path, suffix: str) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == suffix and _is_plain(path))
    except OSError:  # absent, or not for this user
        return []


def _is_plain(path: Path) -> bool:
    """Whether it is a file in this very folder; a link might lead anywhere."""
    return path.is_file() and not path.is_symlink()


def _name_of(record: EngineRecord) -> str:
    target = record.target
    parts = [record.precision, target.backend, target.tensorrt_version, *target.compute_capabilities, record.plan_sha256[:12]]
    return "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.") for part in parts)


def _remove_older(stored: StoredEngine) -> None:
    """Remove engines that differ from this one in nothing but the build."""
    for other in _engines_in(stored.path.parent):
        if other.path != stored.path and _kind(other.record) == _kind(stored.record):
            with contextlib.suppress(OSError):  # in use, on Windows
                other.path.with_suffix(RECORD).unlink(missing_ok=True)
                other.path.unlink(missing_ok=True)


def _kind(record: EngineRecord) -> tuple[object, ...]:
    target = record.target
    whose = (target.backend, target.tensorrt_version, target.gpu, target.compute_capabilities)
    return (*whose, record.precision, record.graph_sha256, record.options)
