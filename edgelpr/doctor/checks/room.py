"""Room: memory, swap, disk, and folders that may be written to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from edgelpr.doctor.check import Check
from edgelpr.doctor.surroundings import Surroundings
from edgelpr.engines.placing import VARIABLE, cache_folder
from edgelpr.errors import EngineError, in_one_line

_BUILDING = 4 << 30
_READING = 1 << 30
_LEAST_DISK = 1 << 30
_SWAP = "sudo fallocate -l 8G /swapfile && sudo chmod 600 /swapfile && sudo mkswap /swapfile && sudo swapon /swapfile"


def check_memory(here: Surroundings) -> Check:
    """Whether building an engine fits: TensorRT's builder is otherwise killed without a word."""
    memory = here.machine.memory
    if memory is None:
        return Check("memory", "skipped", "the system does not tell")
    swap = f"{_gib(memory.swap)} swap" if memory.swap else "no swap on a disk"
    compressed = f" (and {_gib(memory.compressed_swap)} compressed in memory)" if memory.compressed_swap else ""
    found = f"{_gib(memory.available)} of {_gib(memory.total)} free, {swap}{compressed}"
    if here.machine.is_jetson and memory.available + memory.swap < _BUILDING:
        remedy = (
            f"Building an engine may be killed. Close other programs, stop the desktop with 'sudo init 3', or add swap: {_SWAP}"
        )
        return Check("memory", "warning", found, remedy)
    if memory.available < _READING:
        return Check("memory", "warning", found, "Close other programs")
    return Check("memory", "ok", found)


def check_cache(here: Surroundings) -> Check:
    """Whether engines can be kept where a bundle is read-only."""
    try:
        folder = cache_folder()
    except EngineError as error:
        return Check("cache", "warning", str(error), f"Run: export {VARIABLE}=/path/to/folder")
    if not may_write(folder):
        return Check(
            "cache", "warning", f"{folder} cannot be written to: engines of read-only bundles are not kept",
            f"Name a folder that can be: export {VARIABLE}=/path/to/folder",
        )  # fmt: skip
    return Check("cache", "ok", f"{folder} can be written to")


def check_disk(here: Surroundings) -> Check:
    """Whether there is room for engines."""
    try:
        folder = nearest(cache_folder())
        free = shutil.disk_usage(folder).free
    except (EngineError, OSError) as error:
        return Check("disk", "skipped", f"the room is not told: {in_one_line(error)}")
    found = f"{_gib(free)} free below {folder}"
    if free < _LEAST_DISK:
        return Check("disk", "warning", found, "Free some: an engine with its timing cache takes up to a few hundred MB")
    return Check("disk", "ok", found)


def check_output(here: Surroundings) -> Check:
    """Whether Chinese plates can be printed."""
    try:
        "京".encode(here.encoding)
    except (UnicodeEncodeError, LookupError):
        return Check(
            "output", "warning", f"{here.encoding}: Chinese plates are printed as \\u4eac", "Run: export PYTHONIOENCODING=utf-8"
        )
    return Check("output", "ok", f"{here.encoding}, with which all plates can be printed")


def may_write(folder: Path) -> bool:
    """Whether a folder can be written to, or made; nothing is."""
    place = nearest(folder)
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def nearest(folder: Path) -> Path:
    """The folder itself, or the closest above it that exists."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path())


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
