"""The timing cache: how fast TensorRT found its kernels on one GPU, so that the next build need not time them again.

A file for each GPU and version of TensorRT, beside the engines. It only saves time: one that is damaged or cannot be written
costs a note, never the build.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from edgelpr.atomic import write_atomically
from edgelpr.engines.target import Target

_MAGIC = b"edgelpr timing cache 1\n"
_DIGEST = 32


def timing_cache_path(folder: Path, here: Target) -> Path:
    """Where the cache of a GPU and a version lies.

    Args:
        folder: of the engines.
        here: this machine.
    """
    count = None if here.multiprocessors is None else f"{here.multiprocessors}sm"
    parts = (here.gpu, here.board, *here.compute_capabilities, count, here.tensorrt_version)
    key = "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", part).strip("-") for part in parts if part)
    return folder / f"{key}.timing"


def read_timing_cache(path: Path) -> tuple[bytes | None, str | None]:
    """The cache, None where there is none that can be used; and a note, where the file is there but not usable."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, f"timing cache {path}: cannot be read ({error.strerror or error}); built without it"
    digest, cache = content[len(_MAGIC) : len(_MAGIC) + _DIGEST], content[len(_MAGIC) + _DIGEST :]
    if not content.startswith(_MAGIC) or hashlib.sha256(cache).digest() != digest:
        return None, f"timing cache {path}: damaged, so it was ignored and is written anew"
    return cache, None


def write_timing_cache(path: Path, cache: bytes) -> str | None:
    """Write the cache whole or not at all; a note where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, _MAGIC + hashlib.sha256(cache).digest() + cache)
    except OSError as error:
        return f"timing cache {path}: cannot be written ({error.strerror or error}); the next build times its kernels again"
    return None
