"""From a backend, perhaps ``auto``, to a loaded network that may read: what opening crops and opening tracks have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import ApprovalError
from edgelpr.runtime.approving import check_approved
from edgelpr.runtime.backends.protocol import Backend
from edgelpr.runtime.backends.registry import load_backend
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendChoice, BackendName, EngineBackend, Precision

if TYPE_CHECKING:
    from edgelpr.runtime.choosing import Choice


@dataclass(frozen=True)
class Loaded:
    """A network that may read."""

    network: Backend
    """It, opened."""

    backend: BackendName
    """Whose it is."""

    choice: Choice | None
    """What the backend ``auto`` came to; None where a backend was named."""


def load_approved(
    bundle: Bundle,
    backend: BackendChoice,
    precision: Precision,
    threads: int | None,
    use: EngineUse,
    allow_unapproved: bool = False,
) -> Loaded:
    """Load a bundle's network if its precision is approved here; with ``auto`` the fastest that can read.

    What can be known is asked before minutes of building; only a loaded network tells for certain what computes, and is closed
    again where that is not approved.

    Args:
        bundle: an opened bundle.
        backend: the inference engine.
        precision: which of the bundle's graphs.
        threads: processor threads; None lets the backend choose.
        use: for TensorRT: which GPU and DLA, whether an engine is built, and which are trusted.
        allow_unapproved: whether approvals do not matter.

    Raises:
        ApprovalError: the precision is not approved here.
        EdgelprError: whatever ``load_backend`` raises.
    """
    choice: Choice | None = None
    if backend == "auto":
        from edgelpr.runtime.choosing import choose_and_say  # only here: it reaches for the driver

        choice, use, threads = choose_and_say(bundle, precision, use, threads, allow_unapproved)
    name = backend if choice is None else choice.backend
    assert name != "auto"
    if allow_unapproved:
        return Loaded(load_backend(name, bundle, precision, threads, use), name, choice)
    if use.stored is None:
        use = _foreseen(bundle, precision, name, use)
    network = load_backend(name, bundle, precision, threads, use)
    try:
        check_approved(bundle, precision, name, network.device, network.engine_sha256, use)
    except ApprovalError:
        network.close()
        raise
    return Loaded(network, name, choice)


def _foreseen(bundle: Bundle, precision: Precision, backend: BackendName, use: EngineUse) -> EngineUse:
    """How to open it, if it may read as far as is known by now."""
    check_approved(bundle, precision, backend, use=use)
    if precision == "fp32" or backend not in get_args(EngineBackend):
        return use
    from edgelpr.runtime.executing.machinery import Machinery  # only here: it reaches for the driver
    from edgelpr.runtime.foreseeing import foresee

    return foresee(bundle, precision, cast(EngineBackend, backend), use, Machinery()).use
