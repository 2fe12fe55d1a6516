"""Ctrl-C while a library works that must not see an exception in its callbacks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether the user wants to stop."""

    def __init__(self) -> None:
        self.requested = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT: remember the first; the second ends the process at once, as where nobody handles it."""
        if self.requested:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)
        self.requested = True


@contextmanager
def noting_interrupts() -> Iterator[Interruption]:
    """Only note Ctrl-C inside; on the way out it takes effect as before, in general as KeyboardInterrupt.

    In another thread than the main one, and where Ctrl-C is ignored, nothing is changed.
    """
    interruption = Interruption()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield interruption
        return
    signal.signal(signal.SIGINT, interruption.note)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
        if interruption.requested:
            signal.raise_signal(signal.SIGINT)
