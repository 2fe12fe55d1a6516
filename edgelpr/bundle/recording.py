"""Writing into a bundle's manifest what was measured: accuracy, and the approvals that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgelpr.atomic import write_atomically
from edgelpr.bundle.approval import Approval
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.files import MANIFEST
from edgelpr.bundle.manifest import Manifest
from edgelpr.bundle.reopening import reopen
from edgelpr.bundle.schemas import SCHEMA
from edgelpr.errors import BundleError

_LEAST_DIGITS = 8
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
    present = reopen(bundle).manifest
    others = [old for old in present.accuracy if any(old.get(key) != entry[key] for key in _KEY)]
    return _replace_manifest(bundle, replace(present, accuracy=(*others, dict(entry))), "the accuracy")


def record_approvals(bundle: Bundle, approvals: Sequence[Approval]) -> Bundle:
    """Add verdicts to the manifest, each in place of an earlier one on the same plates, precision, backend and device.

    Those on other plates stay, refusals above all; ``bundle.ruling`` says what they come to. Earlier ones on graph files
    that the bundle no longer holds are dropped. Written as by ``record_accuracy``.

    Args:
        bundle: as it was verified.
        approvals: at most one of a kind.

    Raises:
        BundleError: a verdict on another graph file than the bundle's, two of one kind, the bundle is another one by now,
            or the manifest cannot be written.
    """
    manifest = with_approvals(reopen(bundle).manifest, approvals)
    void = [approval for approval in approvals if approval not in manifest.verdicts(approval.precision, approval.backend)]
    if void:
        raise BundleError(
            f"{bundle.path}: a verdict on {void[0].precision} on {void[0].backend} is of graph {void[0].graph_sha256[:12]}, "
            "which is not the one that this backend would run; verify the bundle again"
        )
    return _replace_manifest(bundle, manifest, "the approvals")


def with_approvals(manifest: Manifest, approvals: Sequence[Approval]) -> Manifest:
    """The manifest as ``record_approvals`` would leave it; nothing is checked or written.

    Args:
        manifest: of the bundle.
        approvals: at most one of a kind.
    """
    new = {approval.subject for approval in approvals}
    earlier = [old for old in manifest.standing_approvals if old.subject not in new]
    return replace(manifest, approvals=(*earlier, *approvals))


def withdraw_approvals(bundle: Bundle, data_sha256: str) -> tuple[Bundle, tuple[Approval, ...]]:
    """Take back every verdict on one set of plates, for example where their labels were wrong; the notes keep what it was.

    Args:
        bundle: as opened.
        data_sha256: how the hash of the plates begins, 8 digits or more.

    Returns:
        The bundle as written, and the verdicts that it no longer has.

    Raises:
        BundleError: fewer digits, no such verdict, the bundle is another one by now, or the manifest cannot be written.
    """
    present = reopen(bundle).manifest
    taken = tuple(verdict for verdict in present.approvals if verdict.data_sha256.startswith(data_sha256))
    if len(data_sha256) < _LEAST_DIGITS or not taken:
        known = ", ".join(dict.fromkeys(verdict.data_sha256[:12] for verdict in present.approvals)) or "none"
        raise BundleError(
            f"{bundle.path}: has no verdict on plates '{data_sha256}'; expected {_LEAST_DIGITS} digits or more of "
            f"the data's hash, of which it has {known}"
        )
    left = tuple(verdict for verdict in present.approvals if verdict not in taken)
    notes = dict(present.notes) | {"withdrawn": [*present.notes.get("withdrawn", []), *map(_in_a_line, taken)]}
    return _replace_manifest(bundle, replace(present, approvals=left, notes=notes), "the withdrawal"), taken


def _in_a_line(verdict: Approval) -> str:
    where = f"{verdict.precision} on {verdict.backend}, {verdict.device}, plates {verdict.data_sha256[:12]}"
    return f"{where}: {verdict.loss_in_words}"


def _replace_manifest(bundle: Bundle, manifest: Manifest, what: str) -> Bundle:
    manifest = replace(manifest, schema=SCHEMA)
    content = manifest.to_json().encode("utf-8")
    try:
        # Beside the bundle, not inside: a file that an interruption leaves in it would count as an extra one.
        write_atomically(bundle.path / MANIFEST, content, beside=bundle.path.resolve().parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BundleError(
            f"{bundle.path / MANIFEST}: {what} could not be recorded ({reason}); "
            f"{bundle.path.resolve().parent} must be writable and on the disk of the bundle"
        ) from error
    return Bundle(bundle.path, manifest)
