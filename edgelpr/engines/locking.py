"""A lock between processes. The system releases it when the process that holds it ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PATIENCE = 0.1
_NOT_A_LINK = getattr(os, "O_NOFOLLOW", 0)  # a received bundle may hold one that leads out of it; Windows has no such flag


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a lock while the body runs; one process and one thread at a time.

    The file stays when the lock is released: to remove it would open a gap in which two processes hold two locks.

    Args:
        path: a file of its own for the lock, created where it is absent; its folder must exist.
        waiting: called once, when another process holds it.

    Raises:
        OSError: the file cannot be made, is a link, or its file system knows no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NOT_A_LINK, 0o666)
    try:
        if not _try(descriptor):
            if waiting is not None:
                waiting()
            while not _try(descriptor):
                time.sleep(_PATIENCE)  # not one long call: Ctrl-C shall be heard on every system
        try:
            yield
        finally:
            _release(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int) -> bool:
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _release(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
