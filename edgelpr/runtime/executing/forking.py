"""What a forked process must not use: CUDA does not survive a fork."""

from __future__ import annotations

import os

from edgelpr.errors import DeviceError


def refuse_after_fork(process: int, name: str) -> None:
    """Refuse a backend that another process opened; ask before its lock, which a thread left behind by the fork may hold.

    Args:
        process: number of the one that opened it.
        name: of the backend.

    Raises:
        DeviceError: it is not this process.
    """
    if process != os.getpid():
        raise DeviceError(
            f"the {name} backend was opened before a fork, which CUDA does not survive; open the bundle in the new process "
            "(multiprocessing: use the start method 'spawn', or open it in each worker)"
        )
