"""The gate before an engine is built or opened: what will compute is known by then, from the driver and the engine's record."""

from __future__ import annotations

from edgelpr.bundle.bundle import Bundle
from edgelpr.engines.finding import find_engine
from edgelpr.engines.identity import identity_of
from edgelpr.engines.storing import StoredEngine
from edgelpr.engines.target import Target
from edgelpr.errors import EngineError
from edgelpr.runtime.approving import check_approved, check_before_building
from edgelpr.runtime.executing.machinery import Machinery
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import EngineBackend, Precision


def foresee(
    bundle: Bundle,
    precision: Precision,
    backend: EngineBackend,
    use: EngineUse,
    machinery: Machinery,
    allow_unapproved: bool = False,
) -> tuple[Target, StoredEngine | None]:
    """This machine and the engine that will read, if it is approved; None: one will be built. Nothing is opened.

    Args:
        bundle: an opened bundle.
        precision: what is to read.
        backend: the inference engine.
        use: which GPU, whether an engine will be built where none fits, and which are trusted.
        machinery: what reaches the driver and TensorRT.
        allow_unapproved: whether approvals do not matter.

    Raises:
        ApprovalError: the engine that fits is not approved, or one would have to be built, which nothing was found about.
        EngineError: none fits, and none is to be built.
        BundleError: the bundle has no graph of this precision for the backend.
        DeviceError: no driver, or no such GPU.
        MissingDependencyError: TensorRT is not installed.
        BackendError: it cannot be loaded.
    """
    bundle.graph(precision, backend)
    here = machinery.machine(backend, use.device).target()
    try:
        stored = find_engine(bundle, here, precision, trust=use.trust_engines)
    except EngineError:
        if not use.build:
            raise
        if not allow_unapproved:
            check_before_building(bundle, precision, backend)
        return here, None
    if not allow_unapproved:
        identity = identity_of(here, stored.record)
        check_approved(bundle, precision, backend, identity.device, identity.engine_sha256)
    return here, stored
