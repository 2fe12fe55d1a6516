"""What a syntax pattern gains and costs: the same weights exported with and without it, on the same plates.

    python benchmarks/pattern.py --weights hpa-nano-cn --pattern cn /data/ccpd /data/easypr
    python benchmarks/pattern.py --weights hpa-nano-latin --pattern br /data/br

Each label set is a CSV or a folder with labels.csv. Prints and writes one JSON: both evaluations, the paired comparison,
and how many labels do not follow the pattern, which makes it impossible to read them right.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from edgelpr.benchmarks.real_plates import Measured, compare_pairs, measure, plate_format_of
from edgelpr.benchmarks.results import result_name, start_result, write_result
from edgelpr.data.labels import read_labels
from edgelpr.errors import EdgelprError
from edgelpr.plates.patterns import Pattern, load_pattern
from edgelpr.training.comparing import Comparison

HERE = Path(__file__).parent
WITHOUT, WITH = "without the pattern", "with the pattern"


@click.command()
@click.option("--weights", required=True, help="Name or checkpoint.")
@click.option("--pattern", required=True, metavar="NAME|FILE", help="Built-in pattern, or your own YAML file.")
@click.argument("labels", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--part", default="test", show_default=True, help="Which part of each set.")
@click.option("--threads", type=click.IntRange(min=1), default=None, help="Processor threads.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where the JSON goes.")
def main(weights: str, pattern: str, labels: tuple[Path, ...], part: str, threads: int | None, output: Path | None) -> None:
    """Measure and print; see the top of this file."""
    try:
        chosen = load_pattern(pattern)
        sets = [_measure(weights, chosen, place, part, threads) for place in labels]
        name = Path(weights).stem if Path(weights).is_file() else weights
        result = start_result("pattern") | {
            "weights": name,
            "pattern": {"name": chosen.name, "covers": chosen.covers, "pattern": chosen.pattern, "shortest": chosen.shortest},
            "sets": sets,
        }
        path = output or HERE / "results" / result_name(["pattern", chosen.name, part, "fp32", name])
        write_result(path, result)
        click.echo(f"Written: {path}")
    except EdgelprError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _measure(weights: str, pattern: Pattern, place: Path, part: str, threads: int | None) -> dict[str, Any]:
    labelled = read_labels(place, split=part)
    data = (place if place.is_dir() else place.parent).resolve().name
    narrowed = pattern.apply(plate_format_of(weights))
    beyond = sum(not narrowed.follows_pattern(crop.plate) for crop in labelled)
    measured = [
        Measured(name, data, part, measure(weights, labelled, threads, masking))
        for name, masking in ((WITHOUT, None), (WITH, pattern))
    ]
    ((_, comparison),) = compare_pairs(measured)
    _print(data, measured, beyond, comparison)
    without, with_ = ({key: value for key, value in item.to_dict().items() if key != "weights"} for item in measured)
    compared = {"without": without, "with": with_, "comparison": comparison.to_dict()}
    return {"data": data, "labels_beyond_pattern": beyond, **compared}


def _print(data: str, measured: list[Measured], beyond: int, comparison: Comparison) -> None:
    plates = measured[0].evaluation.plates
    click.echo(f"{data}: {plates} plates, {beyond} of them do not follow the pattern")
    for item in measured:
        reliability = item.evaluation.reliability
        error = "-" if reliability is None else f"{reliability.expected_calibration_error:.1%}"
        click.echo(
            f"  {item.weights:19} {item.evaluation.correct} right, {item.evaluation.plate_accuracy:.1%}, "
            f"calibration error {error}, accepted and right at 99 % precision {item.evaluation.acceptance.accuracy:.1%}"
        )
    click.echo(f"  {comparison.verdict}")
    for pair in comparison.discordant:
        click.echo(f"    {pair.image.name}: {pair.plate}, without {pair.first or '-'}, with {pair.second or '-'}")


if __name__ == "__main__":
    main()
