"""The approvals of a bundle in words."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from edgelpr.cli.output import print_table

if TYPE_CHECKING:
    from edgelpr.bundle.approval import Approval
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.bundle.manifest import Manifest

_HEADER = (
    "precision", "backend", "approved", "loss in points", "95 % interval", "allowed", "read right", "fp32", "plates",
    "processor", "engine",
)  # fmt: skip
_NUMBERS = ("loss in points", "allowed", "read right", "fp32", "plates")


def print_approvals(bundle: Bundle) -> None:
    """Print a row for each verdict of `edgelpr verify`, and what was never verified; nothing for a bundle of fp32 alone."""
    manifest = bundle.manifest
    reduced = [graph for graph in manifest.graphs if graph.precision != "fp32"]
    unverified = [f"{graph.precision} ({graph.file})" for graph in reduced if not _seen(manifest, graph.file)]
    if manifest.approvals:
        click.echo("\nApprovals, each for one precision on one backend")
        print_table(_HEADER, [_row(manifest, approval) for approval in manifest.approvals], right=_NUMBERS)
    if unverified:
        verify = shlex.join(["edgelpr", "verify", str(bundle.path), "--data", "LABELS.csv"])
        click.echo(f"\nNever verified, so refused by the runtime: {', '.join(unverified)}. Run: {verify}")


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
        "any" if approval.portable else f"like {approval.instruction_set}",
        approval.runtime,
    ]


def _verdict(manifest: Manifest, approval: Approval) -> str:
    if approval not in manifest.standing_approvals:
        return "void: the graph has changed"
    return "yes" if approval.approved else "no"
