"""The approvals of a bundle in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from edgelpr.bundle.graph import targets_of
from edgelpr.cli.output import print_table
from edgelpr.types import BackendName

if TYPE_CHECKING:
    from edgelpr.bundle.approval import Approval
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.bundle.graph import Graph
    from edgelpr.bundle.manifest import Manifest

_HEADER = (
    "precision", "backend", "approved", "loss in points", "95 % interval", "allowed", "read right", "fp32", "plates",
    "data", "processor", "engine",
)  # fmt: skip
_NUMBERS = ("loss in points", "allowed", "read right", "fp32", "plates")


def print_approvals(bundle: Bundle) -> None:
    """Print a row for each verdict of `edgelpr verify`, and what was never verified; nothing for a bundle of fp32 alone."""
    from edgelpr.runtime.approving import verify_command

    manifest = bundle.manifest
    reduced = [graph for graph in manifest.graphs if graph.precision != "fp32"]
    unverified = [graph for graph in reduced if not _seen(manifest, graph.file)]
    if manifest.approvals:
        click.echo("\nVerdicts, each for one precision, one backend and one set of plates; one 'no' outweighs every 'yes'")
        print_table(_HEADER, [_row(manifest, approval) for approval in manifest.approvals], right=_NUMBERS)
        for line in _rulings(manifest):
            click.echo(line)
    if unverified:
        named = ", ".join(f"{graph.precision} ({graph.file})" for graph in unverified)
        backends = sorted({_first_backend(graph) for graph in unverified})
        precisions = {each: [graph.precision for graph in unverified if _first_backend(graph) == each] for each in backends}
        commands = [verify_command(bundle, each, *precisions[each]) for each in backends]
        click.echo(f"\nNever verified, so refused by the runtime: {named}. Run: {', and on the GPU: '.join(commands)}")


def _rulings(manifest: Manifest) -> Iterator[str]:
    """What the verdicts come to, a line each precision, backend, device and engine."""
    standing = manifest.standing_approvals
    subjects = dict.fromkeys((each.precision, each.backend, each.device, each.engine_sha256) for each in standing)
    for precision, backend, device, engine in subjects:
        if manifest.verdicts(precision, backend):
            approved = manifest.ruling(precision, backend, device, engine_sha256=engine).approved
            word = "approved" if approved else "not approved"
            yield f"{precision} on {backend}, {device}{'' if engine is None else f', engine {engine[:12]}'}: {word}"


def _first_backend(graph: Graph) -> BackendName:
    """What needs no GPU before what does."""
    return "onnxruntime" if graph.made_for in targets_of("onnxruntime") else "tensorrt"


def _seen(manifest: Manifest, file: str) -> bool:
    return any(approval.graph_sha256 == manifest.files[file].sha256 for approval in manifest.approvals)


def _row(manifest: Manifest, approval: Approval) -> list[str]:
    low, high = approval.loss_interval
    return [
        approval.precision,
        approval.backend,
        _verdict(manifest, approval),
        f"{approval.loss_points:.2f}",
        f"{low:.2f} to {high:.2f}",
        f"{approval.max_loss:g}",
        str(approval.correct),
        str(approval.correct_fp32),
        str(approval.plates),
        approval.data_sha256[:12],
        _processor(approval),
        approval.runtime,
    ]


def _processor(approval: Approval) -> str:
    if approval.device != "CPU":
        return approval.device
    return "any" if approval.portable else f"like {approval.instruction_set}"


def _verdict(manifest: Manifest, approval: Approval) -> str:
    if approval not in manifest.standing_approvals:
        return "void: the graph has changed"
    if approval.approved and approval.selected:
        return "no: these plates chose layers"
    if approval.approved and approval.mostly_misread:
        return "no: fp32 misreads most"
    if approval.approved and not approval.counts:
        return f"no: fewer than {approval.least_plates} plates"
    return "yes" if approval.approved else "no"
