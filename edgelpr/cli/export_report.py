"""What `edgelpr export` did, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.output import print_table

if TYPE_CHECKING:
    from edgelpr.export.exporting import ExportReport


def print_export(report: ExportReport, checked_on: str, tensors: Sequence[str]) -> None:
    """Show an export to people.

    Args:
        report: what it did.
        checked_on: for example ``16 rendered crops``.
        tensors: names of the columns of the parity table.
    """
    from edgelpr.export.parity import TOLERANCE

    click.echo(f"Parity with PyTorch on {checked_on} (largest difference, as a share of the largest value)")
    rows = [[check.name, *(_figure(check.differences, name) for name in tensors), str(check.ties)] for check in report.checks]
    print_table(["check", *tensors, "ties"], rows, right=["ties"])
    raised = {name: allowed for name, allowed in report.tolerances.items() if allowed > TOLERANCE}
    if raised:
        values = ", ".join(f"{name} {allowed:.1e}" for name, allowed in raised.items())
        click.echo(
            f"This network loses more than {TOLERANCE:.0e} to single precision by itself, so the graph was allowed: {values}"
        )
    before, after = report.multiply_adds_before, report.multiply_adds_after
    work = f"{after / 1e6:,.1f} M"
    if before != after:
        work = f"{before / 1e6:,.1f} M to {work} ({100 * (after - before) / before:+.0f} %)"
    click.echo(f"\nmultiply-adds   {work}")
    click.echo(f"simplification  {_simplification(report)}")
    for path, record in sorted(report.bundle.manifest.files.items()):
        click.echo(f"file            {path}, {record.bytes / 1e6:.2f} MB")
    click.echo(f"bundle          {report.bundle.path}")


def _figure(differences: dict[str, float], name: str) -> str:
    return f"{differences[name]:.1e}" if name in differences else "-"


def _simplification(report: ExportReport) -> str:
    outcome = report.simplification
    if outcome.outcome == "kept":
        return f"unsimplified graph kept, {outcome.nodes_after} nodes: {outcome.reason}"
    if outcome.outcome == "off":
        return f"off, {outcome.nodes_after} nodes"
    return f"{outcome.nodes_before} to {outcome.nodes_after} nodes"


def export_to_plain(report: ExportReport) -> dict[str, Any]:
    """What an export did, for JSON."""
    from dataclasses import asdict

    manifest = report.bundle.manifest
    return {
        "bundle": str(report.bundle.path),
        "graph": manifest.graphs[0].to_dict(),
        "parity": [asdict(check) for check in report.checks],
        "tolerances": report.tolerances,
        "multiply_adds_before": report.multiply_adds_before,
        "multiply_adds_after": report.multiply_adds_after,
        "simplification": asdict(report.simplification),
        "files": {path: record.bytes for path, record in manifest.files.items()},
    }
