"""Writing a bundle: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from edgelpr.atomic import sync_folder
from edgelpr.bundle.assembling import check_contents, fill, put_in_place, temporary_beside
from edgelpr.bundle.bundle import Bundle, read_json
from edgelpr.bundle.files import MANIFEST, list_files
from edgelpr.bundle.manifest import Manifest
from edgelpr.errors import BundleError


def write_bundle(
    destination: str | os.PathLike[str], manifest: Manifest, contents: Mapping[str, Path | bytes], *, overwrite: bool = False
) -> Bundle:
    """Write a bundle under a temporary name beside its destination, wait for the disk, check it, then rename it.

    Whatever fails, a full disk or Ctrl-C included, leaves no half-written bundle behind and an existing one whole.

    Args:
        destination: folder to create, by convention NAME.elpr; its parent folder must exist.
        manifest: what the bundle holds; its ``files`` are filled in here.
        contents: for each path inside the bundle its bytes, or a file to copy.
        overwrite: whether an existing bundle is replaced, with its ``engines/``, which were built from the old graphs;
            a folder that is not a bundle never is.

    Raises:
        BundleError: the destination exists or cannot be written, or a graph or a path is wrong.
    """
    folder = Path(os.path.abspath(destination))  # noqa: PTH100  Path.resolve would follow a link at the destination
    check_destination(folder, overwrite)
    check_contents(folder, contents)
    try:
        with temporary_beside(folder) as partial:
            written = fill(partial, manifest, contents)
            put_in_place(partial, folder)
            sync_folder(folder.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BundleError(f"{folder}: could not be written ({reason}); nothing half-written was left") from error
    return Bundle(Path(destination), written)


def check_destination(folder: Path, overwrite: bool) -> None:
    """Check that a bundle can be written here, before minutes are spent on its contents.

    Raises:
        BundleError: it exists and may not be replaced, is no bundle, or has no parent folder.
    """
    if folder.is_symlink():
        raise BundleError(f"{folder}: is a link; name the folder that it leads to")
    if not folder.exists():
        if not folder.parent.is_dir():
            raise BundleError(f"{folder}: its parent folder does not exist; create {folder.parent} first")
        return
    if not overwrite:
        raise BundleError(f"{folder}: already exists; choose another name, or replace it (--overwrite)")
    _check_replaceable(folder)


def _check_replaceable(folder: Path) -> None:
    """Refuse to replace anything but a bundle, even a damaged or a newer one, with nothing else in the folder."""
    refusal = f"{folder}: exists and will not be overwritten, because"
    if not folder.is_dir() or not (folder / MANIFEST).is_file():
        raise BundleError(f"{refusal} it is not a bundle; choose another name, or remove it yourself")
    try:
        manifest, present = read_json(folder / MANIFEST), set(list_files(folder))
    except (OSError, BundleError) as error:
        raise BundleError(f"{refusal} it does not read as a bundle ({error}); remove it yourself") from error
    if not isinstance(manifest, dict) or "edgelpr_version" not in manifest or not isinstance(manifest.get("files"), dict):
        raise BundleError(f"{refusal} its {MANIFEST} is not edgelpr's; choose another name, or remove it yourself")
    surplus = ", ".join(sorted(present - set(manifest["files"]) - {MANIFEST})[:3])
    if surplus:
        raise BundleError(f"{refusal} it also holds {surplus}, which is no part of the bundle; move that away first")
