"""Opening a recogniser for a command: building shows its progress, and what ``--backend auto`` took is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgelpr.cli.output import note
from edgelpr.cli.progress import Steps

if TYPE_CHECKING:
    from edgelpr.runtime.recognizer import Recognizer


def open_with_progress(opening: Callable[..., Recognizer]) -> Recognizer:
    """Open a recogniser and say on stderr which backend was chosen, where ``auto`` was asked for.

    Args:
        opening: ``Recognizer.open`` with everything but ``progress`` and ``note``.
    """
    with Steps("Building an engine") as steps:
        recognizer = opening(progress=steps.reach, note=steps.note)
    if recognizer.choice is not None:
        for line in recognizer.choice.lines:
            note(line)
    return recognizer
