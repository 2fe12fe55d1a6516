"""A bundle that was worked on for minutes, opened again before it is changed."""

from __future__ import annotations

from dataclasses import replace

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.manifest import Manifest
from edgelpr.errors import BundleError


def reopen(bundle: Bundle) -> Bundle:
    """The bundle as it lies there now; accuracy and approvals may have been recorded in it meanwhile.

    Raises:
        BundleError: it cannot be opened, or it is another one by now.
    """
    now = Bundle.open(bundle.path)
    if now.manifest.files != bundle.manifest.files or _network(now.manifest) != _network(bundle.manifest):
        raise BundleError(
            f"{bundle.path}: was exported anew or changed while it was worked on, so what was found belongs to another "
            "network; nothing was recorded or changed, run the command again"
        )
    return now


def _network(manifest: Manifest) -> str:
    return replace(manifest, approvals=()).digest
