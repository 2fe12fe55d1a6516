"""From results to the verdicts that a bundle carries, and to what they and earlier ones come to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

from edgelpr.benchmarks.verifying.plates import different_pictures
from edgelpr.benchmarks.verifying.portability import is_portable
from edgelpr.benchmarks.verifying.result import PrecisionResult
from edgelpr.bundle.approval import LEAST_PLATES, Approval
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import with_approvals
from edgelpr.runtime.approving import holds_on
from edgelpr.runtime.instructions import instruction_set


def approvals_of(
    bundle: Bundle,
    results: Iterable[PrecisionResult],
    least_plates: int = LEAST_PLATES,
    selected: Collection[str] = (),
    rectify: bool = False,
) -> tuple[Approval, ...]:
    """A verdict for each reduced precision, passed or not; none for fp32, which needs none, nor for a simulation.

    Args:
        bundle: what was verified.
        results: of it, on this processor.
        least_plates: that a verdict has to rest on, to approve.
        selected: files of graphs that keep layers in higher precision which some of the plates chose.
        rectify: whether plates were straightened by their corners.
    """
    reduced = [result for result in results if not result.is_reference and not result.subject.simulated]
    if not reduced:
        return ()
    evidence = different_pictures(reduced[0].reference, bundle.manifest.preprocessing, rectify)
    return tuple(_approval(bundle, result, least_plates, selected, evidence) for result in reduced)


def ruled(bundle: Bundle, results: Iterable[PrecisionResult], approvals: Sequence[Approval]) -> tuple[PrecisionResult, ...]:
    """The results, each with what its verdict and those on other plates come to.

    Args:
        bundle: with the verdicts that it has.
        results: of it.
        approvals: the verdicts that follow from them.
    """
    manifest, holds = with_approvals(bundle.manifest, approvals), partial(holds_on, instruction_set())
    new = {approval.precision: approval for approval in approvals}
    return tuple(
        replace(
            result,
            ruling=manifest.ruling(
                result.subject.precision, result.evaluation.backend, result.device, holds, result.engine_sha256
            ),
            earlier=_earlier(bundle, new[result.subject.precision]),
        )
        if result.subject.precision in new and not result.subject.simulated
        else result
        for result in results
    )


def _earlier(bundle: Bundle, new: Approval) -> Approval | None:
    verdicts = bundle.manifest.verdicts(new.precision, new.backend)
    return next((verdict for verdict in verdicts if verdict.subject == new.subject), None)


def _approval(bundle: Bundle, result: PrecisionResult, least_plates: int, selected: Collection[str], evidence: int) -> Approval:
    graph, evaluation = result.subject.graph, result.evaluation
    return Approval(
        precision=result.subject.precision,
        backend=evaluation.backend,
        graph_sha256=bundle.manifest.files[graph.file].sha256,
        approved=result.within_gate,
        plates=evaluation.plates,
        correct=evaluation.correct,
        correct_fp32=result.reference.correct,
        evidence=evidence,
        loss_points=result.loss_points,
        loss_interval=result.loss_interval,
        max_loss=result.max_loss,
        data_sha256=evaluation.data_sha256,
        instruction_set=instruction_set(),
        portable=is_portable(bundle.file(graph.file), result.subject.precision),
        device=result.device,
        least_plates=least_plates,
        selected=graph.file in selected,
        runtime=result.runtime,
        engine_sha256=result.engine_sha256,
        tracks=result.track_origin,
    )
