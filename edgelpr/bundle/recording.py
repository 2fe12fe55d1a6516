"""Writing a measured accuracy into a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgelpr.atomic import write_atomically
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.files import MANIFEST
from edgelpr.errors import BundleError

_KEY = ("precision", "backend", "data_sha256", "rectify")


def record_accuracy(bundle: Bundle, entry: Mapping[str, Any]) -> Bundle:
    """Add what was measured to the manifest, in place of an earlier figure for the same data, precision and backend.

    The manifest is read anew and replaced by one rename; whatever fails, the former one stays.

    Args:
        bundle: as it was measured.
        entry: plain values with at least ``precision``, ``backend``, ``data_sha256`` and ``rectify``, whether plates
            were straightened.

    Raises:
        BundleError: a key is missing, the bundle is another one by now, or the manifest cannot be written.
    """
    missing = [key for key in _KEY if key not in entry]
    if missing:
        raise BundleError(f"{bundle.path}: an accuracy without {', '.join(missing)} cannot be recorded")
    present = _reopened(bundle).manifest
    others = [old for old in present.accuracy if any(old.get(key) != entry[key] for key in _KEY)]
    manifest = replace(present, accuracy=(*others, dict(entry)))
    content = manifest.to_json().encode("utf-8")
    try:
        # Beside the bundle, not inside: a file that an interruption leaves in it would count as an extra one.
        write_atomically(bundle.path / MANIFEST, content, beside=bundle.path.resolve().parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BundleError(
            f"{bundle.path / MANIFEST}: the accuracy could not be recorded ({reason}); "
            f"{bundle.path.resolve().parent} must be writable and on the disk of the bundle"
        ) from error
    return Bundle(bundle.path, manifest)


def _reopened(bundle: Bundle) -> Bundle:
    """The bundle as it lies there now, which measuring may have given others minutes to replace."""
    now = Bundle.open(bundle.path)
    if now.manifest.files != bundle.manifest.files or now.manifest.digest != bundle.manifest.digest:
        raise BundleError(
            f"{bundle.path}: was exported anew while it was measured, so the figures belong to another network; "
            "nothing was recorded, run the evaluation again"
        )
    return now
