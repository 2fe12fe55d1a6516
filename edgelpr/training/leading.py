"""What the leading process does alone, such as measuring and writing, while its fellows wait for it.

They wait in a group of their own, over gloo and with much patience: a test may take hours, and processes that waited for it
with the next step's gradients would give up after ten minutes on GPUs.
"""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, cast

from torch import distributed

from edgelpr.errors import TrainingError
from edgelpr.training.distributed import Group

_LEADER = 0
_PATIENCE = timedelta(days=7)
_OF_GLOO = "gloo/transport"  # it raises a bare RuntimeError that names the file of its own source

_Result = TypeVar("_Result")


class LeaderFailedError(TrainingError):
    """Raised in the other processes when the leading one failed; that one says why."""


def led(group: Group, work: Callable[[], _Result]) -> _Result:
    """Let the leading process do something as soon as all are here; all go on when it is done.

    All processes call this at the same places of the program. What one of them read before is what the leading one had left
    there before, and what they read afterwards is complete.

    Args:
        group: this process among its fellows; one that is alone just does the work.
        work: called in the leading process only. What it returns goes to all as a pickle, so it is small.

    Returns:
        What ``work`` returned, in every process.

    Raises:
        LeaderFailedError: in the others, where ``work`` raised something in the leading process, which raises that.
        RuntimeError: PyTorch's, where another process has ended; see ``lost_fellows``.
    """
    if group.size == 1:
        return work()
    distributed.barrier(group=_waiting_room())
    if group.leads:
        return _tell_all(work)
    told: list[Any] = [None, None]
    distributed.broadcast_object_list(told, src=_LEADER, group=_waiting_room())
    done, result = told
    if not done:
        raise LeaderFailedError("the leading process of this run failed; its own message says why")
    return cast(_Result, result)


def lost_fellows(error: BaseException) -> bool:
    """Whether PyTorch raised this because another process of the run has ended or does not answer."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and _OF_GLOO in str(error))


def _tell_all(work: Callable[[], _Result]) -> _Result:
    try:
        result = work()
    except BaseException:
        with contextlib.suppress(RuntimeError):  # who is gone need not be told, and the first error is the one that counts
            distributed.broadcast_object_list([False, None], src=_LEADER, group=_waiting_room())
        raise
    distributed.broadcast_object_list([True, result], src=_LEADER, group=_waiting_room())
    return result


@cache
def _waiting_room() -> distributed.ProcessGroup:
    """All processes, apart from the group of the steps; made once, by all at the same time."""
    room = distributed.new_group(backend="gloo", timeout=_PATIENCE)
    assert isinstance(room, distributed.ProcessGroup)  # all take part in it
    # Before ``join`` destroys all groups: one that is still held then ends its threads too late, and the process is aborted.
    atexit.register(_waiting_room.cache_clear)
    return room
