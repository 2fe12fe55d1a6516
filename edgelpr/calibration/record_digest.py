"""The digest of a calibration record, so that a range altered by hand is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgelpr.bundle.checking import sha256_of
from edgelpr.errors import BundleError

DIGEST = "digest"
"""Key of the digest among the plain values of a record."""


def digest_of(values: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, over all plain values of a record but the digest itself; their order does not count."""
    return sha256_of({key: value for key, value in values.items() if key != DIGEST})


def check_digest(values: Mapping[str, Any], where: str) -> None:
    """Check plain values against their digest.

    Raises:
        BundleError: altered by hand.
    """
    if values[DIGEST] != digest_of(values):
        raise BundleError(
            f"{where}: was altered by hand: its content does not match its digest, and INT8 files made from it would not be "
            "those that were measured; copy the record again from where it was made"
        )
