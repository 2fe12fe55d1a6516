"""`edgelpr inspect`: what is in a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.approvals import print_approvals
from edgelpr.cli.engines import engine_entries, print_engines, stray_files
from edgelpr.cli.options import bundle_argument
from edgelpr.cli.output import json_option, next_command, print_json, print_table
from edgelpr.types import GraphTarget

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.bundle.manifest import Manifest
    from edgelpr.plates.format import PlateFormat

_MADE_FOR: dict[GraphTarget, str] = {"any": "any engine", "cpu": "onnxruntime on a CPU", "tensorrt": "tensorrt"}


@click.command()
@bundle_argument
@json_option
def command(bundle: Path, as_json: bool) -> None:
    """Check every file of BUNDLE against its hash and show what it holds, and the engines that were built from it."""
    from edgelpr.bundle.bundle import Bundle

    opened = Bundle.open(bundle)
    if as_json:
        print_json(opened.manifest.to_dict() | {"engines": engine_entries(opened), "engine_strays": stray_files(opened)})
        return
    _print_head(opened)
    _print_graphs(opened.manifest)
    print_approvals(opened)
    print_engines(opened)
    _print_values("Parity with PyTorch", opened.manifest.parity)
    for number, entry in enumerate(opened.manifest.accuracy, start=1):
        _print_values(f"Accuracy, measurement {number}", entry)
    if not opened.manifest.accuracy:
        click.echo("\nAccuracy: none measured yet")
    _print_values("Notes", opened.manifest.notes)
    _print_files(opened.manifest)
    next_command(f"edgelpr read {bundle} IMAGE..." if opened.manifest.frames is None else f"edgelpr track {bundle} FRAMES...")


def _print_head(bundle: Bundle) -> None:
    manifest = bundle.manifest
    preprocessing = manifest.preprocessing
    click.echo(f"{bundle.path}: {manifest.name}, written by edgelpr {manifest.edgelpr_version}, schema {manifest.schema}")
    click.echo(f"architecture   {manifest.architecture}, {manifest.classifier} classifier")
    click.echo(f"plate format   {_describe(manifest.plate_format)}")
    click.echo(f"alphabet       {manifest.plate_format.alphabet}")
    size = f"{preprocessing.height}x{preprocessing.width}"
    click.echo(f"preprocessing  {preprocessing.colour}, {size} (height x width), resized by {preprocessing.resize}")
    if manifest.frames is not None:
        click.echo(f"reads          tracks of 1 to {manifest.frames} frames")


def _describe(plate_format: PlateFormat) -> str:
    length = f"up to {plate_format.positions}" if plate_format.void else str(plate_format.positions)
    rows = "1 row" if plate_format.rows == 1 else f"{plate_format.rows} rows"
    pattern = ", a pattern a position" if plate_format.pattern else ""
    return f"{plate_format.name}: {length} characters of {len(plate_format.alphabet)}, {rows}{pattern}"


def _print_graphs(manifest: Manifest) -> None:
    header = ["graph", "precision", "made for", "opset", "input", "outputs", "multiply-adds", "MB", "rewrites"]
    rows = []
    for graph in manifest.graphs:
        megabytes = manifest.files[graph.file].bytes / 1e6
        rows.append(
            [
                graph.file,
                graph.precision,
                _MADE_FOR[graph.made_for],
                str(graph.opset),
                ", ".join(map(str, graph.inputs)),
                ", ".join(graph.outputs),
                f"{graph.multiply_adds / 1e6:.1f} M",
                f"{megabytes:.1f}",
                ", ".join(graph.rewrites) or "none",
            ]
        )
    click.echo()
    print_table(header, rows, right=["opset", "multiply-adds", "MB"])


def _print_values(title: str, values: Mapping[str, Any]) -> None:
    if not values:
        return
    click.echo(f"\n{title}")
    for key, value in values.items():
        click.echo(f"  {key.replace('_', ' ')}: {_text(value)}")


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "; ".join(_text(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_files(manifest: Manifest) -> None:
    rows = [[path, f"{record.bytes:,}", record.sha256] for path, record in sorted(manifest.files.items())]
    click.echo("\nFiles, all present and unaltered")
    print_table(["file", "bytes", "sha256"], rows, right=["bytes"])
