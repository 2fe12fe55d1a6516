"""The backend ``auto``: the fastest that is ready to read here, with the reason, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import EdgelprError
from edgelpr.runtime.executing.machinery import Machinery
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.foreseeing import foresee
from edgelpr.types import BackendName, EngineBackend, Precision


@dataclass(frozen=True)
class Rejection:
    """A backend that was considered and not taken."""

    backend: BackendName
    """Which."""

    reason: str
    """Why, and what would change it."""


@dataclass(frozen=True)
class Choice:
    """What ``auto`` came to."""

    backend: BackendName
    """The backend that reads."""

    reason: str
    """Why it was taken."""

    rejected: tuple[Rejection, ...]
    """Those that would have been preferred."""

    @property
    def lines(self) -> tuple[str, ...]:
        """For people: what was chosen, then a line for each reason why others were not."""
        by_reason: dict[str, list[str]] = {}
        for each in self.rejected:
            by_reason.setdefault(each.reason, []).append(each.backend)
        refused = (f"Not {' and '.join(names)}: {reason}" for reason, names in by_reason.items())
        return f"Chose {self.backend}: {self.reason}", *refused


def choose(
    bundle: Bundle,
    precision: Precision,
    use: EngineUse | None = None,
    allow_unapproved: bool = False,
    machinery: Machinery | None = None,
) -> Choice:
    """TensorRT, else TensorRT-RTX, where the driver answers, an engine fits and the precision is approved; else ONNX Runtime.

    Nothing is loaded or built: an engine that turns out to be unusable when it is opened is an error then, and not a reason to
    take another backend silently.

    Args:
        bundle: an opened bundle.
        precision: what is to read.
        use: which GPU, and whether an engine will be built where none fits.
        allow_unapproved: whether approvals do not matter.
        machinery: what reaches the driver and TensorRT; None: of this machine.
    """
    use, machinery = use or EngineUse(), machinery or Machinery()
    rejected: list[Rejection] = []
    for backend in get_args(EngineBackend):
        try:
            reason = _reason_for(backend, bundle, precision, use, allow_unapproved, machinery)
        except EdgelprError as error:
            rejected.append(Rejection(backend, str(error)))
        else:
            return Choice(backend, reason, tuple(rejected))
    return Choice("onnxruntime", "it needs neither a GPU nor an engine", tuple(rejected))


def choose_and_say(
    bundle: Bundle, precision: Precision, use: EngineUse, threads: int | None, allow_unapproved: bool = False
) -> tuple[Choice, EngineUse, int | None]:
    """``choose``, said to ``use.note``; then ``use`` and ``threads`` as the backend that was taken has a use for them.

    What only the other kind of backend has a use for is a mistake where a backend was named, but not here.
    """
    choice = choose(bundle, precision, use, allow_unapproved)
    for line in choice.lines:
        use.say(line)
    return (choice, use, None) if choice.backend in get_args(EngineBackend) else (choice, EngineUse(), threads)


def _reason_for(
    backend: EngineBackend, bundle: Bundle, precision: Precision, use: EngineUse, allow_unapproved: bool, machinery: Machinery
) -> str:
    """Why a backend can be used.

    Raises:
        EdgelprError: it cannot.
    """
    here, stored = foresee(bundle, precision, backend, use, machinery, allow_unapproved)
    if stored is None:
        return f"an engine will be built for {here.hardware}"
    options = stored.record.options
    smallest, _, largest = options.batches
    dla = "" if options.dla_core is None else f", with DLA {options.dla_core}, as there is no engine for the GPU alone"
    return f"{stored.path.name} (batches of {smallest} to {largest}) fits {here.software} on {here.hardware}{dla}"
