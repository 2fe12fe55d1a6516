"""Which plans may bring code for the processor: those that this user built here.

A version-compatible plan carries a runtime of its own, which TensorRT loads into the process. Its record cannot vouch for it,
since whoever made the plan wrote the record too. So a build here leaves the hash of such a plan in the user's cache folder, and
a plan is known by that hash wherever it lies.
"""

from __future__ import annotations

from edgelpr.atomic import write_atomically
from edgelpr.engines.keepsakes import marker_of
from edgelpr.engines.matching import Mismatch
from edgelpr.engines.record import EngineRecord
from edgelpr.errors import EngineError


def remember(record: EngineRecord) -> str | None:
    """Note that a plan was built here; only of a plan that was.

    Returns:
        A sentence for the user where that fails, else None.
    """
    if not record.options.version_compatible:
        return None
    try:
        marker = marker_of(record.plan_sha256)
        marker.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(marker, b"")
    except (OSError, EngineError) as error:
        said = getattr(error, "strerror", None) or error
        return f"the engine could not be noted as built here ({said}); it will be used with --trust-engines only"
    return None


def is_trusted(record: EngineRecord) -> bool:
    """Whether a plan with this record may be loaded: it brings no code for the processor, or was built here.

    The plan's hash must be held against the record before it is loaded.
    """
    if not record.options.version_compatible:
        return True
    try:
        return marker_of(record.plan_sha256).is_file()
    except (OSError, EngineError):
        return False


def distrust(record: EngineRecord) -> tuple[Mismatch, ...]:
    """What speaks against loading a plan that is not trusted; empty for one that is."""
    if is_trusted(record):
        return ()
    text = (
        "it is version-compatible, so it brings code for the processor, and was not built here by this user: whoever made it "
        "could run anything on this machine. If you trust them, pass --trust-engines (in Python trust_engines=True)"
    )
    return (Mismatch("trust", "elsewhere", "not trusted", text),)
