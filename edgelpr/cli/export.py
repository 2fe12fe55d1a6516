"""`edgelpr export`: a checkpoint becomes a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.crops import rendered_crops
from edgelpr.cli.options import overwrite_option, plate_format_option, weights_option
from edgelpr.cli.output import json_option, next_command, note, print_json, print_table
from edgelpr.errors import DataError, ImageError, UsageError, require
from edgelpr.export.options import REWRITES, ExportOptions
from edgelpr.types import Rewrite

if TYPE_CHECKING:
    from edgelpr.export.exporting import ExportReport
    from edgelpr.plates.format import PlateFormat
    from edgelpr.preprocessing.images import Image

_RENDERED = 16
_MOST_IMAGES = 64


@click.command()
@click.argument("checkpoint")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="NAME.elpr", help="Bundle to write.")
@plate_format_option(help_text="For the HPA authors' checkpoints: built-in plate format, or your own YAML file.")
@click.option(
    "--pattern",
    metavar="NAME|FILE",
    help="Rule out characters a position cannot have, 0 for O: br, br-grey, cn, gr, or your own YAML file.  [default: off]",
)
@click.option("--plain", is_flag=True, help="Export the network as published, without any rewrite.")
@click.option("--rewrite", multiple=True, type=click.Choice(REWRITES), help="Apply this rewrite only; may be repeated.")
@click.option("--no-rewrite", multiple=True, type=click.Choice(REWRITES), help="Leave this rewrite out; may be repeated.")
@click.option("--opset", type=int, default=20, show_default=True, help="13, 17 to 20: 17 for TensorRT 8.5 and 8.6, 13 for 8.2.")
@click.option("--no-maps", is_flag=True, help="Leave out the HPA maps, and so the boxes of characters.")
@click.option("--no-simplify", is_flag=True, help="Do not try onnxsim.")
@click.option("--with-weights", is_flag=True, help="Include the weights, for the backend torch.")
@click.option(
    "--images",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR|FILE",
    help="Real crops to check parity on.  [default: rendered ones]",
)
@weights_option
@overwrite_option
@json_option
def command(
    checkpoint: str,
    output: Path,
    plate_format: str | None,
    pattern: str | None,
    plain: bool,
    rewrite: tuple[Rewrite, ...],
    no_rewrite: tuple[Rewrite, ...],
    opset: int,
    no_maps: bool,
    no_simplify: bool,
    with_weights: bool,
    images: Path | None,
    weights: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Export CHECKPOINT, a file or the name of shipped weights, to a bundle that a board can read.

    Every rewrite and the finished graph are compared with the PyTorch network; a difference fails the export.

    A pattern masks classes inside the graph, for good: on plates that follow it 0 is no more read as O, and any other plate is
    forced into it. Confidences are shares of what is left, so find thresholds anew (edgelpr eval) before you trust them.

    \b
      edgelpr export hpa-nano-cn -o plates.elpr
      edgelpr export runs/mine/checkpoint.safetensors -o mine.elpr --images my-crops/
      edgelpr export authors.pth -o authors.elpr --plate-format my-format.yaml
      edgelpr export hpa-nano-cn -o civil.elpr --pattern cn
    """
    options = ExportOptions(opset, _chosen(plain, rewrite, no_rewrite), not no_maps, not no_simplify, with_weights, overwrite)
    for module in ("torch", "safetensors", "onnx", "onnxscript", "onnxruntime"):
        require(module, "export", "exporting a checkpoint")
    from edgelpr.export.exporting import export_bundle
    from edgelpr.models.checkpoint import load_checkpoint
    from edgelpr.models.weights import resolve_checkpoint
    from edgelpr.plates.loading import load_plate_format
    from edgelpr.plates.patterns import load_pattern

    narrowing = None if pattern is None else load_pattern(pattern)
    chosen = None if plate_format is None else load_plate_format(plate_format)
    network = load_checkpoint(resolve_checkpoint(checkpoint, weights), chosen)
    crops = rendered_crops(network.plate_format, _RENDERED, "parity") if images is None else _read(images, network.plate_format)
    if narrowing is not None:  # after the crops were made: they are of any plate
        network.plate_format = narrowing.apply(network.plate_format)
        note(f"Pattern '{narrowing.name}': {narrowing.covers.strip()}")
    report = export_bundle(network, output, options, crops, note)
    if as_json:
        print_json(_to_plain(report))
    else:
        _print_report(report, len(crops), "rendered" if images is None else "real")
    next_command(f"edgelpr read {output} IMAGE...")


def _chosen(plain: bool, only: tuple[Rewrite, ...], without: tuple[Rewrite, ...]) -> tuple[Rewrite, ...]:
    if sum(map(bool, (plain, only, without))) > 1:
        raise UsageError("--plain, --rewrite and --no-rewrite exclude each other; use one of them")
    if plain:
        return ()
    return tuple(name for name in REWRITES if name not in without and (not only or name in only))


def _read(source: Path, plate_format: PlateFormat) -> Image:
    """At most 64 images, spread over those there are; broken ones are named and left out."""
    from edgelpr.data.folders import find_images
    from edgelpr.preprocessing.crop import Preprocessing
    from edgelpr.preprocessing.images import read_image

    paths = list(find_images(source)) if source.is_dir() else [source]
    step = max(1, -(-len(paths) // _MOST_IMAGES))
    images = []
    for path in paths[::step]:
        try:
            images.append(read_image(path))
        except ImageError as error:
            note(f"Left out: {error}")
    if not images:
        raise DataError(f"{source}: no image to check parity on; expected crops of plates")
    return Preprocessing.of(plate_format).batch(images)


def _print_report(report: ExportReport, count: int, kind: str) -> None:
    from edgelpr.export.parity import TOLERANCE

    click.echo(f"Parity with PyTorch on {count} {kind} crops (largest difference, as a share of the largest value)")
    rows = [
        [check.name, *(_figure(check.differences, name) for name in ("logits", "probabilities", "maps")), str(check.ties)]
        for check in report.checks
    ]
    print_table(["check", "logits", "probabilities", "maps", "ties"], rows, right=["ties"])
    raised = {name: allowed for name, allowed in report.tolerances.items() if allowed > TOLERANCE}
    if raised:
        values = ", ".join(f"{name} {allowed:.1e}" for name, allowed in raised.items())
        click.echo(
            f"This network loses more than {TOLERANCE:.0e} to single precision by itself, so the graph was allowed: {values}"
        )
    before, after = report.multiply_adds_before, report.multiply_adds_after
    change = f"{before / 1e6:,.1f} M to {after / 1e6:,.1f} M"
    click.echo(f"\nmultiply-adds   {change} ({100 * (after - before) / before:+.0f} %)")
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


def _to_plain(report: ExportReport) -> dict[str, Any]:
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
