"""`edgelpr export`: a checkpoint becomes a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from edgelpr.cli.crops import read_crops, rendered_crops
from edgelpr.cli.export_report import export_to_plain, print_export
from edgelpr.cli.options import overwrite_option, plate_format_option, weights_option
from edgelpr.cli.output import json_option, next_command, note, print_json
from edgelpr.errors import UsageError, require
from edgelpr.export.options import REWRITES, ExportOptions
from edgelpr.types import Rewrite

_RENDERED = 16
_TENSORS = ("logits", "probabilities", "maps")


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
@click.option(
    "--no-maps", is_flag=True, help="Leave out the HPA maps, and so the boxes of characters; of iq-stan the attention."
)
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

    A checkpoint of iq-stan becomes a bundle that reads tracks, up to five frames of one plate, with `edgelpr track`; calibrate,
    verify and build take it as well.

    A pattern masks classes inside the graph, for good: on plates that follow it 0 is no more read as O, and any other plate is
    forced into it. Confidences are shares of what is left, so find thresholds anew (edgelpr eval) before you trust them.

    \b
      edgelpr export hpa-nano-cn -o plates.elpr
      edgelpr export runs/mine/checkpoint.safetensors -o mine.elpr --images my-crops/
      edgelpr export authors.pth -o authors.elpr --plate-format my-format.yaml
      edgelpr export hpa-nano-cn -o civil.elpr --pattern cn
      edgelpr export runs/tracks/checkpoint.safetensors -o tracks.elpr
    """
    options = ExportOptions(opset, _chosen(plain, rewrite, no_rewrite), not no_maps, not no_simplify, with_weights, overwrite)
    for module in ("torch", "safetensors", "onnx", "onnxscript", "onnxruntime"):
        require(module, "export", "exporting a checkpoint")
    from edgelpr.models.iq_stan_checkpoint import is_iq_stan
    from edgelpr.models.weights import resolve_checkpoint

    path = resolve_checkpoint(checkpoint, weights)
    if is_iq_stan(path):
        from edgelpr.cli.track_export import export_tracks

        crops_only = {"--plate-format": plate_format, "--pattern": pattern, "--plain": plain, "--with-weights": with_weights}
        export_tracks(path, output, options, images, crops_only | {"--rewrite": rewrite, "--no-rewrite": no_rewrite}, as_json)
    else:
        _export_crops(path, output, options, images, plate_format, pattern, as_json)


def _export_crops(
    path: Path,
    output: Path,
    options: ExportOptions,
    images: Path | None,
    plate_format: str | None,
    pattern: str | None,
    as_json: bool,
) -> None:
    from edgelpr.export.exporting import export_bundle
    from edgelpr.models.checkpoint import load_checkpoint
    from edgelpr.plates.loading import load_plate_format
    from edgelpr.plates.patterns import load_pattern
    from edgelpr.preprocessing.crop import Preprocessing

    narrowing = None if pattern is None else load_pattern(pattern)
    chosen = None if plate_format is None else load_plate_format(plate_format)
    network = load_checkpoint(path, chosen)
    if images is None:
        crops = rendered_crops(network.plate_format, _RENDERED, "parity")
    else:
        crops = read_crops(images, Preprocessing.of(network.plate_format))
    if narrowing is not None:  # after the crops were made: they are of any plate
        network.plate_format = narrowing.apply(network.plate_format)
        note(f"Pattern '{narrowing.name}': {narrowing.covers.strip()}")
    report = export_bundle(network, output, options, crops, note)
    if as_json:
        print_json(export_to_plain(report))
    else:
        print_export(report, f"{len(crops)} {'rendered' if images is None else 'real'} crops", _TENSORS)
    next_command(f"edgelpr read {output} IMAGE...")


def _chosen(plain: bool, only: tuple[Rewrite, ...], without: tuple[Rewrite, ...]) -> tuple[Rewrite, ...]:
    if sum(map(bool, (plain, only, without))) > 1:
        raise UsageError("--plain, --rewrite and --no-rewrite exclude each other; use one of them")
    if plain:
        return ()
    return tuple(name for name in REWRITES if name not in without and (not only or name in only))
