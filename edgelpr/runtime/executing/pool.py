"""Lanes for any number of threads: a lane has one user at a time, and closing waits for no one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

from edgelpr.errors import BackendError, DeviceError
from edgelpr.runtime.executing.forking import refuse_after_fork
from edgelpr.runtime.executing.lane import Lane


class LanePool:
    """Hands out lanes, makes new ones where all are taken, and frees the rest when it is closed and the last one is back.

    There are never more lanes than batches that were on their way at once, so threads that end leave none behind.

    Args:
        make: makes a lane.
        release: frees what all lanes share; called once, after the last lane is gone.
        name: of the backend, for messages.
    """

    def __init__(self, make: Callable[[], Lane], release: Callable[[], None], name: str) -> None:
        self._make, self._release, self._name = make, release, name
        self._lock = Lock()
        self._idle: list[Lane] = []
        self._taken = 0
        self._closed = False
        self._process = os.getpid()

    def take(self) -> Lane:
        """A lane for the caller alone, until ``give``.

        Raises:
            BackendError: closed.
            DeviceError: in a process that was forked from the one that opened it; no memory for another lane.
        """
        refuse_after_fork(self._process, self._name)
        with self._lock:
            if self._closed:
                raise BackendError(f"the {self._name} backend was closed; open the bundle again")
            self._taken += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._make()
        except BaseException:
            self._leave()
            raise

    def settles(self, lane: Lane) -> bool:
        """Wait for a batch that nobody wants any more; whether it went well."""
        if self._process != os.getpid():
            return True
        try:
            lane.wait()
        except DeviceError:
            return False
        return True

    def give(self, lane: Lane, sound: bool = True) -> None:
        """Take a lane back.

        Args:
            lane: from ``take``; nothing may run in it.
            sound: whether it worked; one that failed is freed.
        """
        if self._process != os.getpid():
            return  # the parent's; this process cannot free it
        with self._lock:
            keep = sound and not self._closed
            if keep:
                self._idle.append(lane)
                self._taken -= 1
        if not keep:
            try:
                lane.close()
            except DeviceError:
                if sound:  # of a lane that failed, that failure is the one to tell
                    raise
            finally:
                self._leave()

    @contextmanager
    def holding(self) -> Iterator[bool]:
        """What lanes share stays until the end of the block; False where it is closed, or belongs to the parent of a fork."""
        holds = self._process == os.getpid() and self._enters()
        try:
            yield holds
        finally:
            if holds:
                self._leave()

    def close(self) -> None:
        """Free idle lanes, and the others as they come back; again: nothing."""
        if self._process != os.getpid():
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
            idle, self._idle = self._idle, []
            self._taken += 1  # closing counts too: a lane that comes back meanwhile must not free what the idle ones need
        with ExitStack() as stack:  # a lane that cannot be freed does not keep the others
            stack.callback(self._leave)
            for lane in idle:
                stack.callback(lane.close)

    def _enters(self) -> bool:
        with self._lock:
            self._taken += not self._closed
            return not self._closed

    def _leave(self) -> None:
        with self._lock:
            self._taken -= 1
            last = self._closed and self._taken == 0
        if last:
            self._release()
