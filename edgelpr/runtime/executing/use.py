"""What a user decides about running an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EngineUse:
    """For TensorRT and TensorRT-RTX; other backends have no use for it."""

    build: bool = False
    """Whether an engine is built where none fits."""

    device: int = 0
    """Which GPU, counted as the driver does."""

    batch: int = field(default=1, compare=False)
    """Most crops that will be read at once: an engine that is built takes as many."""

    progress: Callable[[int, int], None] | None = field(default=None, compare=False)
    """Told how far building is: how much is done, and of how much."""

    note: Callable[[str], None] | None = field(default=None, compare=False)
    """Told what takes time, and what a user should know about an engine."""

    trust_engines: bool = False
    """Whether an engine that brings code for the processor is loaded although it was not built here."""

    def say(self, sentence: str) -> None:
        """Tell ``note``, where somebody listens."""
        if self.note is not None:
            self.note(sentence)
