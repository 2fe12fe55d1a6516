"""Opening a recogniser for a command: building shows its progress, and what is to be known is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgelpr.cli.progress import Steps

if TYPE_CHECKING:
    from edgelpr.runtime.recognizer import Recognizer


def open_with_progress(opening: Callable[..., Recognizer]) -> Recognizer:
    """Open a recogniser, and say on stderr what it notes: which backend ``auto`` takes comes first, whatever fails then.

    Args:
        opening: ``Recognizer.open`` with everything but ``progress`` and ``note``.
    """
    with Steps("Building an engine") as steps:
        return opening(progress=steps.reach, note=steps.note)
