"""The store: plans and their records, found by what they are for.

``NAME.plan`` is the plan and ``NAME.json`` its record, both in one of the folders of ``placing``. The plan is written first and
the name holds its hash, so that a record never stands beside another plan; a plan without a record is no engine.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from edgelpr.atomic import write_atomically
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.files import hash_file
from edgelpr.engines.keepsakes import forget
from edgelpr.engines.placing import engine_folders, writable_folder
from edgelpr.engines.record import EngineRecord, read_record
from edgelpr.errors import BuildError, EngineError

PLAN = ".plan"
"""Suffix of a plan."""

RECORD = ".json"
"""Suffix of its record."""

Read = TypeVar("Read")


@dataclass(frozen=True)
class StoredEngine:
    """A plan on the disk with a record that was understood; what is in the plan was not looked at."""

    path: Path
    """The plan."""

    record: EngineRecord
    """What it is."""


def engines_of(bundle: Bundle) -> tuple[StoredEngine, ...]:
    """All engines of a bundle whose plan has the size in its record, the newest of each folder first.

    Whether one fits is another question, see ``finding``; whether its content is sound too, see ``damage_of``.
    """
    return tuple(engine for folder in engine_folders(bundle) for engine in _recorded_in(folder) if _resized(engine) is None)


def strays(bundle: Bundle) -> tuple[str, ...]:
    """What lies among the engines of a bundle but is none, and why: without a record, with one that says nothing, cut short."""
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
    _remove_older(bundle, stored)
    return stored


def read_plan(stored: StoredEngine, rebuild: str = "edgelpr build") -> bytes:
    """A plan, checked against its record before anybody loads it.

    Args:
        stored: as found.
        rebuild: the command that builds it anew, for messages.

    Raises:
        EngineError: it cannot be read, or is not what the record says.
    """
    try:
        return _sound(stored, _whole)
    except EngineError as error:
        raise EngineError(f"{error}. Build it again: {rebuild}") from error


def damage_of(stored: StoredEngine) -> str | None:
    """What is wrong with a plan, after reading all of it; None where it is what its record says."""
    try:
        _sound(stored, hash_file)  # in pieces: the size of a received plan is anybody's choice
    except EngineError as error:
        return str(error)
    return None


def _whole(path: Path) -> tuple[str, bytes]:
    plan = path.read_bytes()
    return hashlib.sha256(plan).hexdigest(), plan


def _sound(stored: StoredEngine, read: Callable[[Path], tuple[str, Read]]) -> Read:
    """What is read of a plan beside its hash, if it is what its record says."""
    path = stored.path
    if not _is_plain(path):
        raise EngineError(f"{path}: is not a regular file")
    if (reason := _resized(stored)) is not None:
        raise EngineError(reason)
    try:
        found, content = read(path)
    except OSError as error:
        raise EngineError(_unreadable(path, error)) from error
    if found != stored.record.plan_sha256:
        raise EngineError(f"{path}: is damaged: its content does not match the hash in its record")
    return content


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path}: cannot be read ({error.strerror or error}); check its permissions"


def _resized(stored: StoredEngine) -> str | None:
    """What is wrong with a plan by its size alone; None where that is the one in its record."""
    try:
        size = stored.path.stat().st_size
    except OSError as error:
        return _unreadable(stored.path, error)
    if size == stored.record.plan_bytes:
        return None
    return f"{stored.path}: is damaged: {size} bytes, its record says {stored.record.plan_bytes}"


def _recorded_in(folder: Path) -> list[StoredEngine]:
    """Plans with a record that is understood, whatever is in them."""
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
            reason = _resized(StoredEngine(path.with_suffix(PLAN), read_record(path)))
        except EngineError as error:
            yield str(error)
        else:
            yield from () if reason is None else (f"{reason}; build it again",)
    yield from (f"{folder}: holds {path.name!a}, whose name cannot be shown; remove it" for path in _unnameable(folder))


def _files(folder: Path, suffix: str) -> list[Path]:
    return [path for path in _content(folder) if path.suffix == suffix and path.name.isprintable() and _is_plain(path)]


def _unnameable(folder: Path) -> list[Path]:
    """Files whose names would steer a terminal; edgelpr writes no such ones."""
    return [path for path in _content(folder) if not path.name.isprintable()]


def _content(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # absent, or not for this user
        return []


def _is_plain(path: Path) -> bool:
    """Whether it is a file in this very folder; a link might lead anywhere."""
    return path.is_file() and not path.is_symlink()


def _name_of(record: EngineRecord) -> str:
    target = record.target
    parts = [record.precision, target.backend, target.tensorrt_version, *target.compute_capabilities, record.plan_sha256[:12]]
    return "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-.") for part in parts)


def _remove_older(bundle: Bundle, stored: StoredEngine) -> None:
    """Remove engines that differ from this one in nothing but the build, damaged ones too, and what the cache keeps of them."""
    for other in _recorded_in(stored.path.parent):
        if other.path == stored.path or _kind(other.record) != _kind(stored.record):
            continue
        with contextlib.suppress(OSError):  # in use, on Windows
            other.path.with_suffix(RECORD).unlink(missing_ok=True)
            other.path.unlink(missing_ok=True)
            gone = other.record.plan_sha256
            if all(each.record.plan_sha256 != gone for each in engines_of(bundle)):
                forget(gone)


def _kind(record: EngineRecord) -> tuple[object, ...]:
    return (replace(record.target, l4t=None), record.precision, record.graph_sha256, record.options)
