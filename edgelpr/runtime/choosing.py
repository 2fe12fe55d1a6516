"""The backend ``auto``: the fastest that is ready to read here, with the reason, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import EdgelprError
from edgelpr.runtime.executing.machinery import Machinery
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.foreseeing import Foreseen, foresee
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
    return _chosen(bundle, precision, use or EngineUse(), allow_unapproved, machinery or Machinery())[0]


def choose_and_say(
    bundle: Bundle, precision: Precision, use: EngineUse, threads: int | None, allow_unapproved: bool = False
) -> tuple[Choice, EngineUse, int | None]:
    """``choose``, said to ``use.note``; then ``use`` and ``threads`` as the backend that was taken has a use for them.

    What only the other kind of backend has a use for is a mistake where a backend was named, but not here. The engine that was
    found is in the ``use``, so that it is not looked for again.
    """
    heard: list[str] = []
    choice, taken = _chosen(bundle, precision, replace(use, note=heard.append), allow_unapproved, Machinery())
    for line in (*choice.lines, *heard):
        use.say(line)
    return (choice, EngineUse(), threads) if taken is None else (choice, replace(taken, note=use.note), None)


def _chosen(
    bundle: Bundle, precision: Precision, use: EngineUse, allow_unapproved: bool, machinery: Machinery
) -> tuple[Choice, EngineUse | None]:
    """The choice, and how its engine is opened; None where no engine reads."""
    rejected: list[Rejection] = []
    for backend in get_args(EngineBackend):
        try:
            foreseen = foresee(bundle, precision, backend, use, machinery, allow_unapproved)
        except EdgelprError as error:
            rejected.append(Rejection(backend, str(error)))
        else:
            return Choice(backend, _reason(foreseen), tuple(rejected)), foreseen.use
    return Choice("onnxruntime", "it needs neither a GPU nor an engine", tuple(rejected)), None


def _reason(foreseen: Foreseen) -> str:
    """Why a backend can be used."""
    here, stored = foreseen.here, foreseen.stored
    if stored is None:
        return f"an engine will be built for {here.hardware}"
    options = stored.record.options
    smallest, _, largest = options.batches
    why = "as there is no engine for the GPU alone" if foreseen.use.dla is None else "as asked for"
    dla = "" if options.dla_core is None else f", with DLA {options.dla_core}, {why}"
    return f"{stored.path.name} (batches of {smallest} to {largest}) fits {here.software} on {here.hardware}{dla}"
