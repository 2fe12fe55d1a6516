"""Files that appear under their name whole or not at all; standard library only."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

_NAME_PART = 40
_NO_SUCH_CALL = (errno.EINVAL, errno.ENOTSUP)


def write_atomically(path: Path, content: bytes, *, beside: Path | None = None, sync: bool = True) -> None:
    """Write a file under a temporary name, wait for the disk, then rename it.

    Whatever fails, a full disk or Ctrl-C included, no temporary file stays and what stood at ``path`` is untouched.

    Args:
        path: destination, replaced when it exists; its folder must exist.
        content: the whole file.
        beside: folder of the temporary file, on the same file system; by default that of ``path``.
        sync: whether to wait until file and folder are on the disk. False is for one of thousands of small files that
            can be made again: a power cut may then leave it empty.

    Raises:
        OSError: the folder is absent or the disk full, for example; the caller knows what to say about it.
    """
    folder = path.parent if beside is None else beside
    # A short part of the name: the longest names that a file system takes leave no room for more.
    partial = folder / f".{path.name[:_NAME_PART]}.{secrets.token_hex(4)}.partial"
    try:
        with partial.open("xb") as stream:
            stream.write(content)
            stream.flush()
            if sync:
                os.fsync(stream.fileno())
        partial.replace(path)
        if sync:
            sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):  # its folder is gone or read-only: then it was never there
            partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk; does nothing where the system has no such call.

    Raises:
        OSError: the disk refuses.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)
