"""From a backend, perhaps ``auto``, to a loaded network that may read: what opening crops and opening tracks have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast, get_args

from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import ApprovalError
from edgelpr.runtime.approving import check_approved
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import BackendChoice, BackendName, EngineBackend, Precision

if TYPE_CHECKING:
    from edgelpr.runtime.choosing import Choice


class Computing(Protocol):
    """A loaded network, as far as approvals are concerned."""

    @property
    def device(self) -> str:
        """What computes, as ``Approval.device`` names it."""

    @property
    def engine_sha256(self) -> str | None:
        """Hash of the plan that was built for this machine; None where nothing is built."""

    def close(self) -> None:
        """Free the network; calling it again does nothing."""


Network = TypeVar("Network", bound=Computing)

Load = Callable[[BackendName, Bundle, Precision, "int | None", EngineUse], Network]
"""Loads a network: ``load_backend``, or what takes the same."""


@dataclass(frozen=True)
class Loaded(Generic[Network]):
    """A network that may read."""

    network: Network
    """It, opened."""

    backend: BackendName
    """Whose it is."""

    choice: Choice | None
    """What the backend ``auto`` came to; None where a backend was named."""


def load_approved(
    load: Load[Network],
    bundle: Bundle,
    backend: BackendChoice,
    precision: Precision,
    threads: int | None,
    use: EngineUse,
    allow_unapproved: bool = False,
) -> Loaded[Network]:
    """Load a bundle's network if its precision is approved here; with ``auto`` the fastest that can read.

    What can be known is asked before minutes of building; only a loaded network tells for certain what computes, and is closed
    again where that is not approved.

    Args:
        load: loads it.
        bundle: an opened bundle.
        backend: the inference engine.
        precision: which of the bundle's graphs.
        threads: processor threads; None lets the backend choose.
        use: for TensorRT: which GPU and DLA, whether an engine is built, and which are trusted.
        allow_unapproved: whether approvals do not matter.

    Raises:
        ApprovalError: the precision is not approved here.
        EdgelprError: whatever ``load`` raises.
    """
    choice: Choice | None = None
    if backend == "auto":
        from edgelpr.runtime.choosing import choose_and_say  # only here: it reaches for the driver

        choice, use, threads = choose_and_say(bundle, precision, use, threads, allow_unapproved)
    name = backend if choice is None else choice.backend
    assert name != "auto"
    if allow_unapproved:
        return Loaded(load(name, bundle, precision, threads, use), name, choice)
    if use.stored is None:
        use = _foreseen(bundle, precision, name, use)
    network = load(name, bundle, precision, threads, use)
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
