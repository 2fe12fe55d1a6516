"""Writing a measured accuracy into a bundle."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.files import MANIFEST, sync_folder, write_file
from edgelpr.errors import BundleError

_KEY = ("precision", "backend", "data_sha256")


def record_accuracy(bundle: Bundle, entry: Mapping[str, Any]) -> Bundle:
    """Add what was measured to the manifest, in place of an earlier figure for the same data, precision and backend.

    The manifest is replaced by one rename; whatever fails, the former one stays.

    Args:
        bundle: as opened.
        entry: plain values with at least ``precision``, ``backend`` and ``data_sha256``.

    Raises:
        BundleError: a key is missing, or the manifest cannot be written.
    """
    missing = [key for key in _KEY if key not in entry]
    if missing:
        raise BundleError(f"{bundle.path}: an accuracy without {', '.join(missing)} cannot be recorded")
    others = [old for old in bundle.manifest.accuracy if any(old.get(key) != entry[key] for key in _KEY)]
    manifest = replace(bundle.manifest, accuracy=(*others, dict(entry)))
    # Beside the bundle, not inside: a file that an interruption leaves in it would count as an extra one.
    partial = bundle.path.absolute().with_name(f".{bundle.path.name}.{secrets.token_hex(4)}.manifest")
    try:
        write_file(partial, manifest.to_json().encode("utf-8"))
        partial.replace(bundle.path / MANIFEST)
        sync_folder(bundle.path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BundleError(f"{bundle.path / MANIFEST}: the accuracy could not be recorded ({reason})") from error
    finally:
        _remove(partial)
    return Bundle(bundle.path, manifest)


def _remove(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except OSError:  # its folder is read-only: then it was never there
        return
