"""The gate before an engine is built or opened: what will compute is known by then, from the driver and the engine's record."""

from __future__ import annotations

from edgelpr.bundle.bundle import Bundle
from edgelpr.engines.finding import find_engine
from edgelpr.engines.identity import identity_of
from edgelpr.engines.storing import StoredEngine
from edgelpr.engines.target import Target
from edgelpr.errors import EngineError
from edgelpr.runtime.approving import check_approved, check_before_building
from edgelpr.types import Precision


def foresee(
    bundle: Bundle,
    precision: Precision,
    here: Target,
    may_build: bool = False,
    allow_unapproved: bool = False,
    trust: bool = False,
) -> StoredEngine | None:
    """The engine that will read, if it is approved; None: one will be built. Nothing is opened.

    Args:
        bundle: an opened bundle.
        precision: what is to read.
        here: this machine.
        may_build: whether an engine will be built where none fits.
        allow_unapproved: whether approvals do not matter.
        trust: whether an engine that brings code for the processor is taken although it was not built here.

    Raises:
        ApprovalError: the engine that fits is not approved, or one would have to be built, which nothing was found about.
        EngineError: none fits, and none is to be built.
        BundleError: the bundle has no graph of this precision for the backend.
    """
    try:
        stored = find_engine(bundle, here, precision, trust=trust)
    except EngineError:
        if not may_build:
            raise
        if not allow_unapproved:
            check_before_building(bundle, precision, here.backend)
        return None
    if not allow_unapproved:
        identity = identity_of(here, stored.record)
        check_approved(bundle, precision, here.backend, identity.device, identity.engine_sha256)
    return stored
