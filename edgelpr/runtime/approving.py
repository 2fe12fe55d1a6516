"""The gate before fp16 and int8: they read only where ``edgelpr verify`` found that they lose too little to matter."""

from __future__ import annotations

import shlex
from functools import partial
from typing import get_args

from edgelpr.bundle.approval import Approval
from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import ApprovalError
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.instructions import instruction_set, reads_alike
from edgelpr.types import EngineBackend, Precision


def check_approved(
    bundle: Bundle,
    precision: Precision,
    backend: str,
    device: str | None = None,
    engine_sha256: str | None = None,
    use: EngineUse | None = None,
) -> None:
    """Refuse a precision that is not approved on a backend, for exactly the graph file that it would run.

    Args:
        bundle: an opened bundle.
        precision: what is to read.
        backend: the inference engine.
        device: what computes, as ``Approval.device`` names it; None before that is known.
        engine_sha256: hash of the plan that reads; None where nothing is built.
        use: how it is opened, for the command that verifies.

    Raises:
        ApprovalError: never verified, not approved, or approved on a device, an engine or a processor that may read otherwise.
    """
    reason = objection(bundle, precision, backend, device, engine_sha256, use=use)
    if reason is not None:
        raise _refusal(reason)


def refusal_to_build(bundle: Bundle, precision: Precision, backend: str, use: EngineUse | None = None) -> ApprovalError:
    """Why a precision that needs approval is not built to read at once: no verdict can be on it yet, and it takes minutes.

    Args:
        bundle: an opened bundle.
        precision: what is to read.
        backend: the inference engine that there is no engine for.
        use: how it is opened, for the command that verifies.
    """
    verify = verify_command(bundle, backend, precision, use=use)
    return _refusal(
        f"{bundle.path}: no {precision} engine is there, and one that is built now is verified nowhere: another build may "
        f"take other kernels, which round otherwise. Build and verify it: {verify}"
    )


def verify_command(bundle: Bundle, backend: str, *precisions: Precision, use: EngineUse | None = None) -> str:
    """`edgelpr verify` that rules on precisions on a backend, and builds the engines that it lacks; quoted for a shell.

    Args:
        bundle: an opened bundle.
        backend: the inference engine.
        precisions: what is to read.
        use: which GPU and DLA are to read with it, and which engines are trusted; None: as by default.
    """
    words = ["edgelpr", "verify", str(bundle.path), "--data", "LABELS.csv"]
    if backend != "onnxruntime":
        words += ["--backend", backend, *(word for precision in precisions for word in ("--precision", precision))]
    if backend in get_args(EngineBackend):
        words += [*(use or EngineUse()).words, "--build"]
    return shlex.join(words)


def _refusal(reason: str) -> ApprovalError:
    return ApprovalError(f"{reason}; or use it all the same with --allow-unapproved (in Python: allow_unapproved=True)")


def objection(
    bundle: Bundle,
    precision: Precision,
    backend: str,
    device: str | None = None,
    engine_sha256: str | None = None,
    here: str | None = None,
    use: EngineUse | None = None,
) -> str | None:
    """Why a precision is not approved on a backend, and what to do; None: it is, or needs no approval, as fp32.

    A precision that the bundle has no graph for is no objection: opening it says what is missing.

    Args:
        bundle: an opened bundle.
        precision: what is to read.
        backend: the inference engine.
        device: what computes; None: an approval on any device will do.
        engine_sha256: hash of the plan that reads; None where nothing is built.
        here: instruction set of the processor; by default of this one.
        use: how it is opened, for the command that verifies.
    """
    if (precision, backend) == ("fp16", "torch") and bundle.manifest.frames is None:  # tracks it refuses to load
        words = ("edgelpr", "eval", str(bundle.path), "LABELS.csv", "--backend", backend, "--precision", precision)
        return (
            f"{bundle.path}: fp16 on torch is rounded from the weights, and 'edgelpr verify' rules on graph files only. "
            f"Measure its accuracy: {shlex.join(words)}"
        )
    graph = bundle.manifest.graph(precision, backend)
    if precision == "fp32" or graph is None:
        return None
    here = here or instruction_set()
    ruling = bundle.manifest.ruling(precision, backend, device, partial(holds_on, here), engine_sha256)
    verify = verify_command(bundle, backend, precision, use=use)
    if ruling.by is None:
        return f"{bundle.path}: {precision} ({graph.file}) was never verified on {backend}. Run: {verify}"
    if ruling.approved:
        return None
    place = _place(device or ruling.by.device, here)
    return f"{bundle.path}: {precision} is not approved on {backend}: {_REASONS[ruling.reason](ruling.by, verify, place)}"


def holds_on(here: str, verdict: Approval) -> bool:
    """Whether readings on a processor are those that a verdict is on; a GPU's do not depend on the processor.

    Args:
        here: instruction set of the processor.
        verdict: on the device that reads.
    """
    return verdict.device != "CPU" or verdict.portable or reads_alike(verdict.instruction_set, here)


def _refused(by: Approval, verify: str, place: str) -> str:
    stands = (
        f"on plates {by.data_sha256[:12]} it {by.loss_in_words}. This stands until those plates are verified anew, or it is "
        f"withdrawn with --forget {by.data_sha256[:12]}. "
    )
    if by.backend != "onnxruntime":  # the search for layers reads with ONNX Runtime
        return f"{stands}Choose another precision, or verify again: {verify}"
    return f"{stands}Keep the layers that cost most in higher precision: {verify} --bisect; or choose another precision"


def _few(by: Approval, verify: str, place: str) -> str:
    if by.mostly_misread:
        return (
            f"it was verified on plates of which fp32 reads only {by.correct_fp32} of {by.plates} right, which says little. "
            f"Verify it on plates with labels and crops as they should be: {verify}"
        )
    return f"it was verified on {by.evidence_in_words}, and {by.least_plates} are needed. Verify it on more: {verify}"


def _selected(by: Approval, verify: str, place: str) -> str:
    return (
        f"it was verified only on plates that chose which of its layers stay in higher precision ({by.data_sha256[:12]}), and "
        f"reads these too well. Confirm it on others: {verify}"
    )


def _elsewhere(by: Approval, verify: str, place: str) -> str:
    where = _place(by.device, by.instruction_set)
    if by.engine_sha256 is not None and where == place:
        return (
            f"it was verified with another engine ({by.engine_sha256[:12]}) than the one that is here, and another build may "
            f"take other kernels, which round otherwise. Verify this one: {verify}"
        )
    return f"it was verified on {where}, and here it runs on {place}, whose sums may differ. Verify it here: {verify}"


def _place(device: str, processor: str) -> str:
    return f"{device} with {processor}" if device == "CPU" else device


_REASONS = {"refused": _refused, "few": _few, "selected": _selected, "elsewhere": _elsewhere}
