"""From results to the verdicts that a bundle carries."""

from __future__ import annotations

from collections.abc import Iterable

from edgelpr.benchmarks.verifying.portability import is_portable
from edgelpr.benchmarks.verifying.result import PrecisionResult
from edgelpr.bundle.approval import Approval
from edgelpr.bundle.bundle import Bundle
from edgelpr.runtime.instructions import instruction_set


def approvals_of(bundle: Bundle, results: Iterable[PrecisionResult]) -> tuple[Approval, ...]:
    """A verdict for each reduced precision, passed or not; none for fp32, which needs none, nor for a simulation.

    Args:
        bundle: what was verified.
        results: of it, on this processor.
    """
    return tuple(_approval(bundle, result) for result in results if not result.is_reference and not result.subject.simulated)


def _approval(bundle: Bundle, result: PrecisionResult) -> Approval:
    graph, evaluation = result.subject.graph, result.evaluation
    return Approval(
        precision=result.subject.precision,
        backend=evaluation.backend,
        graph_sha256=bundle.manifest.files[graph.file].sha256,
        approved=result.within_gate,
        plates=evaluation.plates,
        correct=evaluation.correct,
        correct_fp32=result.reference.correct,
        loss_points=result.loss_points,
        loss_interval=result.loss_interval,
        max_loss=result.max_loss,
        data_sha256=evaluation.data_sha256,
        instruction_set=instruction_set(),
        portable=is_portable(bundle.file(graph.file), result.subject.precision),
        runtime=result.runtime,
    )
