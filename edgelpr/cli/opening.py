"""Opening a recogniser for a command: building shows its progress, and what is to be known is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from edgelpr.cli.progress import Steps
from edgelpr.runtime.executing.use import EngineUse

_Opened = TypeVar("_Opened")


def open_with_progress(opening: Callable[..., _Opened], use: EngineUse) -> _Opened:
    """Open a recogniser, and say on stderr what it notes: which backend ``auto`` takes comes first, whatever fails then.

    Args:
        opening: ``Recognizer.open`` or ``TrackRecognizer.open`` with everything but what is about engines.
        use: which GPU and DLA, whether an engine is built, and which are trusted.
    """
    with Steps("Building an engine") as steps:
        return opening(
            build=use.build,
            device=use.device,
            dla=use.dla,
            trust_engines=use.trust_engines,
            progress=steps.reach,
            note=steps.note,
        )
