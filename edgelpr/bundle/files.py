"""Files of a bundle: paths that stay inside it, hashes, and new files that reach the disk."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edgelpr.errors import BundleError

MANIFEST = "manifest.json"
"""Name of the manifest inside a bundle."""

ENGINES = "engines"
"""Folder inside a bundle that the manifest does not cover; every engine carries its own record."""

_CHUNK = 1 << 20


def check_relative(path: str, where: str) -> str:
    """A path of a manifest, if it can only lie inside the bundle.

    Args:
        path: relative, forward slashes, for example ``fp32.onnx``.
        where: what names it, for the message.

    Raises:
        BundleError: absolute, with ``..``, a backslash, a drive or an unprintable character, or reserved.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in path or ":" in path or not path.isprintable():
        raise BundleError(f"{where}: file path {path!r} is malformed or leaves the bundle; expected a plain relative path")
    if path == MANIFEST or parts[0] == ENGINES:
        raise BundleError(f"{where}: file path {path!r} is reserved; the manifest never lists itself or '{ENGINES}/'")
    return path


def list_files(folder: Path) -> Iterator[str]:
    """Paths, with forward slashes, of all files below a bundle's folder, ``engines/`` apart; links are not followed.

    Raises:
        BundleError: a link that leads out of the folder, or something that is neither file nor folder.
        OSError: a folder that cannot be read.
    """
    yield from _list(folder, folder.resolve(), "")


def _list(folder: Path, root: Path, prefix: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda item: item.name):
            relative = prefix + entry.name
            if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(root):
                raise BundleError(f"{entry.path}: is a link that leads out of the bundle; copy the file itself into the bundle")
            if entry.is_dir(follow_symlinks=False):
                if relative != ENGINES:
                    yield from _list(Path(entry.path), root, relative + "/")
            elif entry.is_symlink() or entry.is_file():
                yield relative
            else:
                raise BundleError(f"{entry.path}: is neither a file nor a folder; remove it")


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 of a file's content as 64 hexadecimal digits, and its size in bytes.

    Raises:
        BundleError: not a regular file.
        OSError: it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise BundleError(f"{path}: is not a regular file; copy the bundle again")
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def write_file(path: Path, content: Path | bytes) -> tuple[str, int]:
    """Write bytes, or a copy of a file, to a new file and wait until they are on the disk.

    The folder around it appears under its name once it is complete, so this one needs no temporary name.

    Returns:
        SHA-256 of what was written, and its size in bytes.

    Raises:
        OSError: it cannot be read or written, for example because the disk is full.
    """
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as stream:
        for chunk in _chunks(content):
            digest.update(chunk)
            size += stream.write(chunk)
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest(), size


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
