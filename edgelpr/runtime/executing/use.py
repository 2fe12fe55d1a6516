"""What a user decides about running an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgelpr.engines.storing import StoredEngine


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

    dla: int | None = None
    """The DLA core whose engine reads; None: the GPU alone, or a DLA where no other engine is there."""

    stored: StoredEngine | None = None
    """The engine that reads, where it is known already, as ``foreseeing`` finds it; None: the first that fits."""

    @property
    def words(self) -> tuple[str, ...]:
        """The options of a command line that name the GPU, the DLA and the trust: ``--device 1 --dla 0``."""
        device = ("--device", str(self.device)) if self.device else ()
        dla = () if self.dla is None else ("--dla", str(self.dla))
        return (*device, *dla, *(("--trust-engines",) if self.trust_engines else ()))

    def say(self, sentence: str) -> None:
        """Tell ``note``, where somebody listens."""
        if self.note is not None:
            self.note(sentence)
