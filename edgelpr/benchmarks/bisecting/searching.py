"""The search for the fewest layers to keep; it knows nothing of graphs, only whether a choice passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")


def fewest_passing(ranked: Sequence[_T], passes: Callable[[Sequence[_T]], bool]) -> tuple[_T, ...] | None:
    """A set that passes and from which nothing can be left out.

    The first 1, 2, 4, ... of the ranking are tried, then halves of the last step; what was found is thinned out. Whatever
    is returned has passed as it is, although more layers in higher precision need not read better. Ours, after the usual
    exponential and binary search.

    Args:
        ranked: what can be kept, the most promising first.
        passes: whether a choice of it is good enough.

    Returns:
        In the order of the ranking; empty when nothing need be kept; None when not even everything is enough.
    """
    if passes(()):
        return ()
    failed, count = 0, 1
    while not passes(ranked[:count]):
        if count >= len(ranked):
            return None
        failed, count = count, min(2 * count, len(ranked))
    while count - failed > 1:
        middle = (failed + count) // 2
        failed, count = (failed, middle) if passes(ranked[:middle]) else (middle, count)
    return thin_out(ranked[:count], passes)


def thin_out(kept: Sequence[_T], passes: Callable[[Sequence[_T]], bool]) -> tuple[_T, ...]:
    """Leave out one after the other, from the end, what is not needed, until nothing more can go.

    Args:
        kept: a choice that passes.
        passes: whether a choice is good enough.
    """
    chosen, thinner = list(kept), True
    while thinner:
        thinner = False
        for item in reversed(chosen.copy()):
            fewer = [other for other in chosen if other is not item]
            if passes(fewer):
                chosen, thinner = fewer, True
    return tuple(chosen)
