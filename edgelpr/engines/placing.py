"""Where engines lie: inside the bundle, or in the user's cache where the bundle is read-only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.files import ENGINES
from edgelpr.errors import EngineError

VARIABLE = "EDGELPR_CACHE"
"""Environment variable that names the cache folder."""


def cache_folder() -> Path:
    """``$EDGELPR_CACHE``, else ``edgelpr`` below ``$XDG_CACHE_HOME``, else ``~/.cache/edgelpr``."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    if general := os.environ.get("XDG_CACHE_HOME"):
        return Path(general) / "edgelpr"
    try:
        return Path.home() / ".cache" / "edgelpr"
    except RuntimeError as error:
        raise EngineError(f"this user has no home folder for a cache; name one with {VARIABLE}") from error


def engine_folders(bundle: Bundle) -> tuple[Path, ...]:
    """Folders that may hold engines of a bundle, that inside it first; neither need exist."""
    return bundle.path / ENGINES, cache_folder() / ENGINES / _key(bundle)


def writable_folder(bundle: Bundle) -> Path:
    """The folder that a new engine of a bundle goes to; it is made.

    Raises:
        EngineError: neither the bundle nor the cache can be written.
    """
    inside, cached = engine_folders(bundle)
    folder = inside if _can_take(inside) else cached
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"{folder}: cannot be made ({error.strerror or error}); an engine needs a place: make {bundle.path} writable, or "
            f"name a folder of yours with {VARIABLE}"
        ) from error
    return folder


def _key(bundle: Bundle) -> str:
    """What a bundle keeps while verdicts and precisions are added to it, which its digest does not: its fp32 graphs."""
    graphs = bundle.manifest.graphs
    kept = [graph for graph in graphs if graph.precision == "fp32"] or graphs
    hashes = sorted(bundle.manifest.files[graph.file].sha256 for graph in kept)
    return hashlib.sha256("".join(hashes).encode("ascii")).hexdigest()


def _can_take(folder: Path) -> bool:
    place = folder if folder.is_dir() else folder.parent
    return os.access(place, os.W_OK | os.X_OK)
