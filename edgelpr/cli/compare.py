"""``edgelpr compare``: two readers on the same plates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgelpr.cli.output import json_option, note, print_json, print_table

if TYPE_CHECKING:
    from edgelpr.training.comparing import Comparison

_SHOWN = 10
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("compare")
@click.argument("first", type=_FILE, metavar="A.csv")
@click.argument("second", type=_FILE, metavar="B.csv")
@json_option
def command(first: Path, second: Path, as_json: bool) -> None:
    """Compare two readers on the same plates, in pairs: is B better than A, or was it chance?

    A.csv and B.csv are what `edgelpr eval --csv` writes; of another reader, any CSV with the columns image,plate,read, one line
    a plate. Both have to hold the same images with the same labels; where their folders differ, unique file names decide.

    The plates that only one reads right tell the two apart: McNemar's exact test says how often chance would give such a
    difference between equal readers, and the interval (Tango) which true differences agree with these plates. A set too small
    to show a difference does not show that there is none: read the interval. Close to the limit, test and interval can
    disagree; the verdict then says so. Differences are B minus A.

    \b
      edgelpr eval old.elpr plates/ --csv old.csv
      edgelpr eval new.elpr plates/ --csv new.csv
      edgelpr compare old.csv new.csv
    """
    from edgelpr.training.comparing import compare_readings
    from edgelpr.training.readings import read_readings

    names = (first.name, second.name) if first.name != second.name else (str(first), str(second))
    comparison = compare_readings(read_readings(first), read_readings(second), names)
    if comparison.paired_by == "file name":
        note("The folders differ; plates were paired by file name, and their labels agree")
    if as_json:
        print_json(comparison.to_dict())
    else:
        _print(comparison)


def _print(comparison: Comparison) -> None:
    values = comparison.to_dict()
    low, high = values["difference_interval"]
    rows = [("plates", str(values["plates"]))]
    for side, name in zip(("first", "second"), comparison.names):
        accuracy, (lower, upper) = values[side]["plate_accuracy"], values[side]["plate_accuracy_interval"]
        rows.append((f"right by {name}", f"{values[side]['correct']}, {accuracy:.2%} (95 % {lower:.2%} to {upper:.2%})"))
    rows += [
        (f"right by {comparison.names[0]} alone", str(values["only_first_right"])),
        (f"right by {comparison.names[1]} alone", str(values["only_second_right"])),
        ("right by both, by neither", f"{values['both_right']}, {values['neither_right']}"),
        ("difference", f"{100 * values['difference']:+.2f} points (95 % {100 * low:+.2f} to {100 * high:+.2f})"),
        ("exact McNemar test", f"p = {values['p_value']:.3g} (mid-p {values['p_value_mid']:.3g})"),
    ]
    print_table(("measure", "value"), rows)
    click.echo(f"\nVerdict: {values['verdict']}")
    if comparison.discordant:
        click.echo()
        print_table(
            ("on the plate", *comparison.names, "image"),
            [(pair.plate, pair.first or "-", pair.second or "-", pair.image.name) for pair in comparison.discordant[:_SHOWN]],
        )
    if len(comparison.discordant) > _SHOWN:
        click.echo(f"and {len(comparison.discordant) - _SHOWN} more (--json lists every plate that only one reads right)")
