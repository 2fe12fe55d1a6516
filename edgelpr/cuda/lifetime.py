"""Whether a device may still be used: not closed, and in the process that opened it."""

from __future__ import annotations

import os

from edgelpr.errors import DeviceError


class Lifetime:
    """From opening to closing, in one process.

    Args:
        name: of the device, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name, self._process, self._closed = name, os.getpid(), False

    def check(self) -> None:
        """Raise DeviceError after ``end`` and in another process."""
        if self._process != os.getpid():
            raise DeviceError(
                f"{self._name} was opened before a fork, which CUDA does not survive; start processes with "
                "multiprocessing's 'spawn', and open the device in the process that uses it"
            )
        if self._closed:
            raise DeviceError(f"{self._name} was closed; open it again")

    def end(self) -> bool:
        """End it; True when there is something to release: the first time, in the process that opened it."""
        first, self._closed = not self._closed, True
        return first and self._process == os.getpid()
