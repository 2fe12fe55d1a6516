"""The gate before an engine is built or opened: what will compute is known by then, from the driver and the engine's record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgelpr.bundle.bundle import Bundle
from edgelpr.engines.finding import find_engines, first_sound
from edgelpr.engines.identity import identity_of
from edgelpr.engines.storing import StoredEngine
from edgelpr.engines.target import Target
from edgelpr.errors import ApprovalError, EngineError
from edgelpr.runtime.approving import check_approved, refusal_to_build
from edgelpr.runtime.executing.machinery import Machinery
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import EngineBackend, Precision


@dataclass(frozen=True)
class Foreseen:
    """What opening a bundle will come to."""

    here: Target
    """This machine."""

    stored: StoredEngine | None
    """The engine that will read; None: one will be built."""

    use: EngineUse
    """To open it with, so that it is not looked for again."""


def foresee(
    bundle: Bundle,
    precision: Precision,
    backend: EngineBackend,
    use: EngineUse,
    machinery: Machinery,
    allow_unapproved: bool = False,
) -> Foreseen:
    """This machine and the engine that will read: of those that fit the first that is approved. Nothing is opened.

    Args:
        bundle: an opened bundle.
        precision: what is to read.
        backend: the inference engine.
        use: which GPU, whether an engine will be built where none fits, and which are trusted; ``note`` is told where another
            one reads than would without approvals.
        machinery: what reaches the driver and TensorRT.
        allow_unapproved: whether approvals do not matter.

    Raises:
        ApprovalError: no engine that fits is approved, or one would have to be built, which nothing was found about.
        EngineError: none fits, and none is to be built.
        UsageError: a DLA, which this backend or this precision has no use for.
        BundleError: the bundle has no graph of this precision for the backend.
        DeviceError: no driver, or no such GPU.
        MissingDependencyError: TensorRT is not installed.
        BackendError: it cannot be loaded.
    """
    bundle.graph(precision, backend)
    here = machinery.machine(backend, use.device).target()
    fitting: Sequence[StoredEngine] = ()
    try:
        fitting = find_engines(bundle, here, precision, trust=use.trust_engines, dla=use.dla, device=use.device)
    except EngineError:
        if not use.build:
            raise
    if not allow_unapproved and precision != "fp32":
        stored = _approved(bundle, precision, here, fitting, use)
        return Foreseen(here, stored, replace(use, stored=stored))
    first = next(iter(fitting), None)
    # Where building is allowed, who builds reads the plan first: one that is damaged is then built anew.
    return Foreseen(here, first, use if use.build else replace(use, stored=first))


def _approved(
    bundle: Bundle, precision: Precision, here: Target, fitting: Sequence[StoredEngine], use: EngineUse
) -> StoredEngine:
    """The first that is approved and, where others could be built in its place, sound; else the refusal of the first."""
    refusals, approved = [], []
    for stored in fitting:
        identity = identity_of(here, stored.record)
        this = replace(use, dla=identity.dla_core)
        try:
            check_approved(bundle, precision, here.backend, identity.device, identity.engine_sha256, this)
        except ApprovalError as error:
            refusals.append(error)
        else:
            approved.append(stored)
    found = first_sound(approved, [], use.say) if use.build else next(iter(approved), None)
    if found is None:
        raise refusals[0] if refusals else refusal_to_build(bundle, precision, here.backend, use)
    if fitting[0] not in approved:
        use.say(f"{fitting[0].path.name} is not approved; {found.path.name} is, and reads in its place")
    return found
