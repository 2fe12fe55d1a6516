"""Changing the files of an existing bundle: it stays the old one, whole, until the new one is complete."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from edgelpr.atomic import sync_folder
from edgelpr.bundle.assembling import check_contents, fill, put_in_place, temporary_beside
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.files import ENGINES
from edgelpr.bundle.manifest import Manifest
from edgelpr.bundle.reopening import reopen
from edgelpr.bundle.schemas import SCHEMA
from edgelpr.errors import BundleError


def update_bundle(
    bundle: Bundle, manifest: Manifest, contents: Mapping[str, Path | bytes], remove: Collection[str] = ()
) -> Bundle:
    """Add, replace and remove files of a bundle.

    A complete new bundle is built beside the old one, out of what changes and links to what does not, checked, and takes
    the old one's place by renaming. Whatever fails, a full disk or Ctrl-C included, leaves the old one whole. Should the power
    fail between the two renames, it lies beside as ``.NAME.*.old``. ``engines/`` moves along: each engine knows its graph.

    Args:
        bundle: as opened, before the work whose results are now written.
        manifest: what the bundle is to hold; its ``files`` are filled in here. Accuracy and approvals that it has
            unchanged from ``bundle`` are taken as they lie there now, and approvals of graphs that change are dropped.
        contents: for each path inside the bundle its bytes, or a file to copy.
        remove: paths that the new bundle no longer has.

    Raises:
        BundleError: the bundle is another one by now or cannot be written, a path is wrong, or a graph is without its file.
    """
    folder = bundle.path.resolve()
    check_contents(folder, contents)
    now = reopen(bundle)
    absent = [relative for relative in remove if relative not in now.manifest.files]
    if absent:
        raise BundleError(f"{bundle.path}: has no file '{absent[0]}' to remove; files: {', '.join(now.manifest.files)}")
    changed = {*contents, *remove}
    kept = {relative: now.file(relative) for relative in now.manifest.files if relative not in changed}
    try:
        with temporary_beside(folder) as partial:
            written = fill(partial, _merged(manifest, bundle.manifest, now.manifest), contents, kept)
            shutil.copymode(folder, partial)
            with _engines_moved(folder, partial):
                put_in_place(partial, folder)
            sync_folder(folder.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BundleError(
            f"{bundle.path}: could not be changed ({reason}) and was left whole; it and {folder.parent} must be writable, with "
            "room for the new files"
        ) from error
    return Bundle(bundle.path, written)


def check_changeable(bundle: Bundle) -> None:
    """Say at once, before minutes of work, that a bundle cannot be changed.

    Raises:
        BundleError: the bundle, or the folder that it lies in, is read-only.
    """
    folder = bundle.path.resolve()
    for place in (folder, folder.parent):
        if not os.access(place, os.W_OK | os.X_OK):
            raise BundleError(
                f"{bundle.path}: cannot be changed, because {place} is read-only; copy the bundle to a folder of yours"
            )


def _merged(wanted: Manifest, before: Manifest, now: Manifest) -> Manifest:
    """What is wanted, with what others recorded since the bundle was opened."""
    accuracy = now.accuracy if wanted.accuracy == before.accuracy else wanted.accuracy
    approvals = now.approvals if wanted.approvals == before.approvals else wanted.approvals
    return replace(wanted, accuracy=accuracy, approvals=approvals, files=now.files, schema=SCHEMA)


@contextlib.contextmanager
def _engines_moved(folder: Path, partial: Path) -> Iterator[None]:
    """Engines go with the new bundle, and back into the old one if that stays."""
    engines, moved = folder / ENGINES, partial / ENGINES
    if not os.access(folder, os.W_OK):
        raise PermissionError(None, "the folder is read-only")
    try:
        if engines.is_dir():
            engines.rename(moved)
        yield
    finally:
        if moved.is_dir():  # the new bundle did not get its place
            moved.rename(engines)
