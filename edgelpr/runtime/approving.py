"""The gate before fp16 and int8: they read only where ``edgelpr verify`` found that they lose too little to matter."""

from __future__ import annotations

import shlex

from edgelpr.bundle.approval import Approval
from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import ApprovalError
from edgelpr.runtime.instructions import instruction_set, reads_alike
from edgelpr.types import Precision


def check_approved(bundle: Bundle, precision: Precision, backend: str) -> None:
    """Refuse a precision that is not approved on a backend, for exactly the graph file that it would run.

    Raises:
        ApprovalError: never verified, not approved, or approved on a processor that may read otherwise.
    """
    reason = objection(bundle, precision, backend)
    if reason is not None:
        raise ApprovalError(f"{reason}; or use it all the same with --allow-unapproved (in Python: allow_unapproved=True)")


def objection(bundle: Bundle, precision: Precision, backend: str, here: str | None = None) -> str | None:
    """Why a precision is not approved on a backend, and what to do; None: it is, or needs no approval, as fp32.

    A precision that the bundle has no graph for is no objection: opening it says what is missing.

    Args:
        bundle: an opened bundle.
        precision: what is to read.
        backend: the inference engine.
        here: instruction set of the processor; by default of this one.
    """
    graph = bundle.manifest.graph(precision, backend)
    if precision == "fp32" or graph is None:
        return None
    approval = bundle.manifest.approval(precision, backend)
    verify = shlex.join(["edgelpr", "verify", str(bundle.path), "--data", "LABELS.csv"])
    if approval is None:
        return f"{bundle.path}: {precision} ({graph.file}) was never verified on {backend}. Run: {verify}"
    if not approval.approved:
        return _lost_too_much(bundle, approval, verify)
    return _elsewhere(bundle, approval, verify, here or instruction_set())


def _lost_too_much(bundle: Bundle, approval: Approval, verify: str) -> str:
    return (
        f"{bundle.path}: {approval.precision} is not approved on {approval.backend}: it {approval.loss_in_words}. Keep the "
        f"layers that cost most in higher precision: {verify} --bisect; or choose another precision"
    )


def _elsewhere(bundle: Bundle, approval: Approval, verify: str, here: str) -> str | None:
    if approval.portable or reads_alike(approval.instruction_set, here):
        return None
    return (
        f"{bundle.path}: {approval.precision} was approved on {approval.backend} with {approval.instruction_set}, but this "
        f"processor has {here}, whose sums may differ. Verify it here: {verify}"
    )
