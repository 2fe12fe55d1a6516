"""Putting a bundle together under a temporary name, and into its place by renaming."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgelpr.atomic import sync_folder
from edgelpr.bundle.bundle import Bundle, check_graph_files
from edgelpr.bundle.files import MANIFEST, check_relative, write_file
from edgelpr.bundle.manifest import FileRecord, Manifest
from edgelpr.errors import BundleError

_NAME_PART = 40


def check_contents(folder: Path, contents: Mapping[str, Path | bytes]) -> None:
    """Check, before anything is written, that every path stays inside the bundle and every file to copy exists.

    Raises:
        BundleError: one does not.
    """
    for relative, content in contents.items():
        check_relative(relative, str(folder))
        if isinstance(content, Path) and not content.is_file():
            raise BundleError(f"{content}: no such file; it was to become '{relative}' of {folder}")


@contextmanager
def temporary_beside(folder: Path) -> Iterator[Path]:
    """A name beside the folder; whatever stands there at the end, however it comes, is removed."""
    beside = _name_beside(folder, "partial")
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def fill(
    partial: Path, manifest: Manifest, contents: Mapping[str, Path | bytes], kept: Mapping[str, Path] | None = None
) -> Manifest:
    """Create a complete bundle, wait until it is on the disk, and open it again.

    Args:
        partial: the folder to create.
        manifest: what it holds; of its ``files`` only those of ``kept`` count, the others are filled in; approvals of
            graph files that it does not hold are left out.
        contents: for each path its bytes, or a file to copy.
        kept: for each further path a file that ``manifest`` knows; linked, or copied where the disk has no links.

    Returns:
        The manifest as written.

    Raises:
        BundleError: a graph without its file, a kept file that is not what the manifest says, or a value that JSON cannot
            hold.
        OSError: it cannot be written.
    """
    partial.mkdir()
    records = {relative: FileRecord(*_write(partial / relative, contents[relative])) for relative in sorted(contents)}
    for relative, source in (kept or {}).items():
        _keep(partial / relative, source)
        records[relative] = manifest.files[relative]
    manifest = replace(manifest, files=records)
    manifest = replace(manifest, approvals=manifest.standing_approvals)
    check_graph_files(manifest, str(partial))
    _write(partial / MANIFEST, manifest.to_json().encode("utf-8"))
    for current, _, _ in os.walk(partial):
        sync_folder(Path(current))
    return Bundle.open(partial).manifest


def put_in_place(partial: Path, folder: Path) -> None:
    """Rename a complete bundle to its name; one that stands there is removed after that, or put back if that fails.

    Raises:
        OSError: it cannot be renamed.
    """
    if not folder.exists():
        partial.rename(folder)
        return
    old = _name_beside(folder, "old")
    try:
        folder.rename(old)
        partial.rename(folder)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    try:
        shutil.rmtree(old, ignore_errors=True)
    finally:  # once more, should Ctrl-C have come in between
        shutil.rmtree(old, ignore_errors=True)


def _name_beside(folder: Path, purpose: str) -> Path:
    # A short part of the name: the longest names that a file system takes leave no room for more.
    return folder.with_name(f".{folder.name[:_NAME_PART]}.{secrets.token_hex(4)}.{purpose}")


def _write(path: Path, content: Path | bytes) -> tuple[str, int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_file(path, content)


def _keep(path: Path, source: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), path)
    except OSError:  # the disk has no such links, or not for this user
        write_file(path, source)
