"""Versions of the manifest: which this edgelpr reads, which keys each has, and what each one's digest covers.

Schema 2 added ``approvals``, and ``made_for`` of a graph. Schema 3 keeps an approval for each set of plates, and in each
approval ``device``, ``least_plates`` and ``selected``, and of an engine ``engine_sha256``; a graph that reads tracks says so by
``frames``. Older bundles open as they are; what changes them writes schema 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edgelpr.bundle.checking import checked_schema, sha256_of
from edgelpr.errors import BundleError

SCHEMA = 3
"""Version of the manifest that this edgelpr writes, and the newest that it reads."""

_DECIDES_READING = ("architecture", "classifier", "plate_format", "preprocessing", "graphs")
_ADDED_BY_2 = ("approvals",)


def check_schema(values: Any, where: str) -> int:
    """The schema of a manifest's plain values.

    Raises:
        BundleError: no manifest, or written by a newer edgelpr.
    """
    return checked_schema(values, SCHEMA, "manifest", "or export the checkpoint again with this version", where)


def keys_of(schema: int, keys: Iterable[str]) -> list[str]:
    """Of the keys that a manifest has today, those that it had in a schema.

    An older manifest with a newer key is thus refused: its digest would not protect that key.
    """
    return [key for key in keys if schema > 1 or key not in _ADDED_BY_2]


def digest_of(values: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, over those plain values of a manifest that decide how plates are read, and whether.

    Args:
        values: as written in their own schema, so that a field which a later version adds with a default does not change it.
    """
    decisive = _DECIDES_READING if values["schema"] == 1 else (*_DECIDES_READING, *_ADDED_BY_2)
    return sha256_of({key: values[key] for key in decisive})


def check_digest(values: Mapping[str, Any], where: str) -> None:
    """Check plain values against their ``digest``.

    Raises:
        BundleError: altered by hand.
    """
    if values["digest"] != digest_of(values):
        raise BundleError(
            f"{where}: was altered by hand: architecture, classifier, plate_format, preprocessing, graphs or approvals do not "
            "match its digest; copy the bundle again from where it was exported, or export again"
        )
