"""``edgelpr check``: what is wrong with labelled plates, before they train or test anything."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgelpr.cli.options import label_format_option, plate_format_option
from edgelpr.cli.output import json_option, next_command, note, print_json, print_table
from edgelpr.errors import UsageError
from edgelpr.types import LabelFormat

if TYPE_CHECKING:
    from edgelpr.data.checking.findings import DataReport, Finding, Side
    from edgelpr.data.checking.parts import LabelSet

_SHOWN = 10
_FILES_SHOWN = 4


@click.command("check")
@click.argument("labels", type=click.Path(path_type=Path), nargs=-1, required=True)
@label_format_option
@plate_format_option(help_text="What may stand on the plates: a built-in plate format, or your own YAML file.  [required]")
@click.option("--split", "splits", metavar="NAME", multiple=True, help="Only this part of the labels; may be repeated.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Threads that read images.")
@json_option
def command(
    labels: tuple[Path, ...],
    label_format: LabelFormat,
    plate_format: str | None,
    splits: tuple[str, ...],
    workers: int,
    as_json: bool,
) -> None:
    """Find what is wrong with LABELS: CSVs with the columns image,plate[,split], or folders with --format.

    Errors: images that cannot be read, plates that the plate format cannot write, one picture with two labels, even when it
    was compressed or scaled anew, and pictures that both train and are held out. Warnings: pictures that look alike or
    plates that are the same in different parts, crops too small or of an odd shape, and characters that no training plate
    shows. Several LABELS are compared with each other too. The exit code is 1 if there is an error.

    \b
      edgelpr check plates/labels.csv --plate-format cn
      edgelpr check CCPD2019 --format ccpd --plate-format cn --split train --split val
      edgelpr check train.csv test.csv --plate-format latin --json > findings.json
    """
    from edgelpr.cli.progress import ProgressBar
    from edgelpr.data.checking.checking import check_labels
    from edgelpr.plates.loading import load_plate_format

    if plate_format is None:
        raise UsageError("--plate-format is missing: which characters may stand on these plates? For example: cn, latin")
    wanted = load_plate_format(plate_format)
    sets = _read(labels, label_format, splits)
    with ProgressBar(sum(len(one.crops) for one in sets), "Checking") as bar:
        report = check_labels(sets, wanted, workers, bar.reach)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report)
    if report.count("error"):
        note("Correct the errors and check again.")
        click.get_current_context().exit(1)
    if any(part.role == "train" for part in report.parts):
        source = ["--real", str(labels[0]), "--format", label_format]
        next_command(shlex.join(["edgelpr", "train", "-o", "run", "--plate-format", plate_format, *source]))
    else:
        next_command(shlex.join(["edgelpr", "eval", "BUNDLE", str(labels[0]), "--format", label_format]))


def _read(labels: Sequence[Path], label_format: LabelFormat, splits: Sequence[str]) -> list[LabelSet]:
    from edgelpr.data.checking.parts import LabelSet, names_of_sets
    from edgelpr.data.labels import keep_split, read_labels

    sets = []
    for place, name in zip(labels, names_of_sets(labels)):
        crops = read_labels(place, label_format)
        if splits:
            kept = {id(crop) for split in splits for crop in keep_split(crops, split, place)}
            crops = tuple(crop for crop in crops if id(crop) in kept)
        sets.append(LabelSet(name, crops))
    return sets


def _print(report: DataReport) -> None:
    rows = [
        [part.name, str(part.crops), str(part.plates), str(part.unreadable), _side(part.width), _side(part.height)]
        for part in report.parts
    ]
    header = ["part", "crops", "plates", "unreadable", "width", "height"]
    print_table(header, rows, right=["crops", "plates", "unreadable"])
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        kinds.setdefault((finding.level, finding.kind), []).append(finding)
    for (level, kind), findings in kinds.items():
        _print_kind(f"{level}: {kind.replace('-', ' ')} ({len(findings)})", findings)
    click.echo(f"\n{_counted(report.count('error'), 'error')}, {_counted(report.count('warning'), 'warning')}")


def _print_kind(title: str, findings: Sequence[Finding]) -> None:
    click.echo(f"\n{title}")
    for finding in findings[:_SHOWN]:
        click.echo(f"  {finding.what}")
        unnamed = [str(file) for file in finding.files if str(file) not in finding.what]
        for file in unnamed[:_FILES_SHOWN]:
            click.echo(f"    {file}")
        if len(unnamed) > _FILES_SHOWN:
            click.echo(f"    and {len(unnamed) - _FILES_SHOWN} more files")
    if len(findings) > _SHOWN:
        click.echo(f"  and {len(findings) - _SHOWN} more (--json lists all)")
    for remedy in dict.fromkeys(finding.remedy for finding in findings):
        click.echo(f"  To do: {remedy}")


def _side(side: Side | None) -> str:
    return "-" if side is None else f"{side.smallest} to {side.largest}, median {side.median}"


def _counted(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
