"""`edgelpr models`: architectures and trained weights, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgelpr.cli.options import plate_format_option, weights_option
from edgelpr.cli.output import json_option, next_command, print_json, print_table
from edgelpr.errors import require

if TYPE_CHECKING:
    from edgelpr.benchmarks.catalogue import Entry, FoundWeights
    from edgelpr.plates.format import PlateFormat


@click.command()
@weights_option
@plate_format_option("aolp", "Counts are for this format; the paper's are for aolp. Built-in name, or your own YAML file.")
@json_option
def command(weights: Path | None, plate_format: str, as_json: bool) -> None:
    """List architectures and trained weights, beside the paper's figures.

    Weights are searched in the folder you name, in the installed package, and in weights/ of the repository.
    """
    for module in ("torch", "safetensors"):
        require(module, "export", "counting networks")
    from edgelpr.benchmarks.catalogue import list_networks, to_plain
    from edgelpr.models.weights import find_weights
    from edgelpr.plates.loading import load_plate_format

    chosen = load_plate_format(plate_format)
    entries = list_networks(chosen, find_weights(weights))
    if as_json:
        print_json([to_plain(entry) for entry in entries])
        return
    _print_networks(entries, chosen)
    _print_weights([found for entry in entries for found in entry.weights])


def _print_networks(entries: Sequence[Entry], plate_format: PlateFormat) -> None:
    height, width = plate_format.height_width
    click.echo(
        f"Networks for plate format '{plate_format.name}': {plate_format.classes} classes, "
        f"{plate_format.positions} positions, input {height}x{width} (height x width)\n"
    )
    header = ["network", "parameters", "with ImageNet classifier", "paper", "multiply-adds", "paper FPS", "paper AC/LE/RP %"]
    print_table(header, [_network_row(entry) for entry in entries], right=header[1:])
    click.echo(
        "\nThe paper counts the ResNet's unused ImageNet classifier; edgelpr never deploys it. Names with a colon have one\n"
        "classifier a position (paper, table 4). Paper FPS: GTX 1080 Ti, mean of 5000 forward passes, batch 1, network only.\n"
        "Paper AC/LE/RP: whole plates read right on AOLP, crops by its own boxes. hpa-nano is ours, not the paper's.\n"
        "iq-stan reads up to five frames of a plate at once (edgelpr track); its multiply-adds are for five."
    )


def _network_row(entry: Entry) -> list[str]:
    paper, with_classifier = entry.paper, entry.parameters_with_imagenet_classifier
    millions = paper.parameters_millions if paper else None
    speed = paper.frames_per_second if paper else None
    accuracy = paper.accuracy[:3] if paper else ()
    return [
        entry.name,
        f"{entry.parameters:,}",
        "-" if with_classifier is None else f"{with_classifier:,}",
        "-" if millions is None else f"{millions:.2f} M",
        f"{entry.multiply_adds / 1e6:,.1f} M",
        "-" if speed is None else str(speed),
        "/".join(f"{100 * item.plate_accuracy:.2f}" for item in accuracy) or "-",
    ]


def _print_weights(found: Sequence[FoundWeights]) -> None:
    if not found:
        click.echo("\nWeights: none found. Train some with 'edgelpr train', or name a folder with --weights.")
        return
    click.echo("\nWeights")
    header = ["name", "network", "plate format", "place", "accuracy", "file"]
    print_table(header, [_weights_row(item) for item in found])
    next_command(f"edgelpr export {found[0].weights.name} -o {found[0].weights.name}.elpr")


def _weights_row(found: FoundWeights) -> list[str]:
    weights, metadata = found.weights, found.metadata
    accuracy = [f"{item['data']} {100 * item['plate_accuracy']:.1f} %" for item in found.accuracy if _is_measured(item)]
    return [
        weights.name,
        metadata.architecture,
        metadata.plate_format.name,
        weights.place,
        ", ".join(accuracy) or "no card",
        str(weights.path),
    ]


def _is_measured(item: dict[str, object]) -> bool:
    return isinstance(item.get("data"), str) and isinstance(item.get("plate_accuracy"), (int, float))
