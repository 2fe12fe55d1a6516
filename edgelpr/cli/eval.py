"""``edgelpr eval``: accuracy on labelled plates."""

from __future__ import annotations

import os
import shlex
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.evaluating import Reader, evaluate_bundle, how_tracks_are
from edgelpr.cli.options import (
    backend_choice_option,
    batch_size_option,
    bundle_argument,
    engine_use_options,
    given_options,
    label_format_option,
    making_options,
    precision_option,
    rectify_option,
    threads_option,
)
from edgelpr.cli.output import json_option, next_command, note, print_json, print_table, warn_of
from edgelpr.cli.plate_labels import Labels, Making, check_crops_only, read_plates
from edgelpr.types import BackendChoice, LabelFormat, Precision

if TYPE_CHECKING:
    from edgelpr.runtime.executing.use import EngineUse
    from edgelpr.training.scores import Evaluation

_SHOWN = 10


@click.command("eval")
@bundle_argument
@click.argument("labels", type=click.Path(path_type=Path))
@label_format_option
@click.option("--split", metavar="NAME", help="Only this part: a value of the column split, or a folder below LABELS.")
@rectify_option
@making_options
@backend_choice_option
@engine_use_options
@precision_option
@threads_option
@batch_size_option
@click.option("--csv", "table", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a line a plate.")
@click.option(
    "--sheet", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.png", help="Draw the plates not read right."
)
@click.option(
    "--reliability",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.png",
    help="Draw how far confidences can be trusted, and what each threshold would let through.",
)
@click.option("--record", is_flag=True, help="Write the figures into the bundle's manifest, with the hash of the data.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    bundle: Path,
    labels: Path,
    label_format: LabelFormat,
    split: str | None,
    rectify: bool,
    hardness: float,
    seed: int,
    backend: BackendChoice,
    use: EngineUse,
    precision: Precision,
    threads: int | None,
    batch_size: int,
    table: Path | None,
    sheet: Path | None,
    reliability: Path | None,
    record: bool,
    as_json: bool,
) -> None:
    """Measure a BUNDLE on LABELS: a CSV with the columns image,plate[,split], or a folder with --format.

    Files that cannot be read count as wrong and are listed. Characters are compared position by position; where the lengths
    differ, aligned by the smallest edit distance.

    For a bundle that reads tracks (iq-stan) a CSV with the columns track,image,plate[,split] holds tracks, a line a frame; from
    other labels a track is made of each crop, the one that `edgelpr verify` makes. Each counts as one plate, and --csv and
    --sheet show its first frame.

    The calibration error is the mean distance of the confidence from the share that is right. At 99 % precision: accept only
    readings with at least the confidence shown, and 99 in 100 of them are right on these plates; the share is what is then
    accepted and right of all plates. Keep the --csv of two bundles to hold them against each other with `edgelpr compare`.
    """
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.bundle.recording import record_accuracy

    opened = Bundle.open(bundle)
    given = given_options(context, "hardness", "seed")
    check_crops_only(opened, bisect=False, given=given)
    making = Making(hardness, seed) if given else None
    labelled = read_plates(opened, Labels(labels, label_format, split, making))
    evaluation = evaluate_bundle(opened, labelled, Reader(backend, precision, threads, batch_size, rectify, use))
    _warn(evaluation)
    if as_json:
        print_json(evaluation.to_dict())
    else:
        _print(evaluation)
    if record:
        origin = _origin(labels, label_format, split, rectify) | how_tracks_are(labelled)
        record_accuracy(opened, origin | evaluation.to_dict())
        note(f"Recorded in {bundle}")
    _write_reports(evaluation, table, sheet, reliability, rectify)  # last: a full disk must not cost the figures
    if evaluation.failures and sheet is None:
        part = [] if split is None else ["--split", split]
        made = [] if making is None else making.options
        chosen = ["--format", label_format, *part, *(["--rectify"] if rectify else []), *made]
        engine = ["--backend", backend, "--precision", precision]
        again = shlex.join(["edgelpr", "eval", str(bundle), str(labels), *chosen, *engine, "--sheet", "failures.png"])
        next_command(f"{again}   (draws what was not read right)")
    else:
        next_command(shlex.join(["edgelpr", "inspect", str(bundle)]))


def _origin(labels: Path, label_format: LabelFormat, split: str | None, rectify: bool) -> dict[str, Any]:
    """Which plates were read, for the manifest: the name of their folder, never a path of this machine."""
    place = Path(os.path.abspath(labels))  # noqa: PTH100  a link keeps the name that the user gave it
    name = (place if place.is_dir() else place.parent).name
    printable = name.encode("utf-8", "backslashreplace").decode("utf-8")  # not every file name is valid text
    return {"data": printable, "format": label_format, "split": split, "rectify": rectify}


def _warn(evaluation: Evaluation) -> None:
    rest = "--csv lists every plate"
    warn_of("labels beyond the plate format, counted as wrong", evaluation.warnings, rest)
    unreadable = [score.error or "" for score in evaluation.unreadable]
    warn_of("files that could not be read, counted as wrong", unreadable, rest)


def _write_reports(
    evaluation: Evaluation, table: Path | None, sheet: Path | None, reliability: Path | None, rectify: bool
) -> None:
    from edgelpr.training.reliability_chart import write_reliability_chart
    from edgelpr.training.reports import write_failure_sheet, write_plates_csv

    if table is not None:
        write_plates_csv(table, evaluation)
        note(f"Wrote {table}: {evaluation.plates} plates")
    if sheet is not None:
        limits = write_failure_sheet(sheet, evaluation, rectify)
        note(f"Wrote {sheet}: {len(evaluation.failures)} plates not read right")
        if limits:
            note(limits)
    if reliability is not None:
        write_reliability_chart(reliability, evaluation)
        note(f"Wrote {reliability}: reliability and risk of {evaluation.plates} plates")


def _confidence_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    reliability, acceptance = evaluation.reliability, evaluation.acceptance
    error = "-"
    if reliability is not None:
        equal_mass = f"{reliability.adaptive_calibration_error:.2%} in bins of equal mass"
        error = f"{reliability.expected_calibration_error:.2%} in bins of equal width, {equal_mass}"
    rows = [("calibration error", error)]
    if acceptance.threshold is None:
        return [*rows, ("accepted and right at 99 % precision", "none: no threshold reaches it on these plates")]
    # Rounded down: a threshold rounded up would turn away the very plate it was taken from.
    threshold = floor(acceptance.threshold * 1e6) / 1e6
    # No interval: it would not hold for a threshold that these very plates chose.
    right = f"{acceptance.correct} of {acceptance.accepted} on these plates, which chose the threshold: check it on others"
    return [
        *rows,
        ("accepted and right at 99 % precision", f"{acceptance.accuracy:.2%} of all plates, confidence >= {threshold:.6f}"),
        ("  right of those accepted", right),
    ]


def _print(evaluation: Evaluation) -> None:
    low, high = evaluation.plate_accuracy_interval
    seconds = evaluation.seconds_per_plate
    rows = [
        ("plates", str(evaluation.plates)),
        ("read right", str(evaluation.correct)),
        ("plate accuracy", f"{evaluation.plate_accuracy:.2%}"),
        ("  95 % interval", f"{low:.2%} to {high:.2%}"),
        ("without the Chinese character", f"{evaluation.plate_accuracy_without_chinese:.2%}"),
        ("character accuracy", f"{evaluation.character_accuracy:.2%}"),
        *_confidence_rows(evaluation),
        ("time a plate", "-" if seconds is None else f"{seconds * 1000:.2f} ms (file decoding apart)"),
        ("backend, precision", f"{evaluation.backend}, {evaluation.precision}"),
        ("data sha256", evaluation.data_sha256),
    ]
    print_table(("measure", "value"), rows)
    confusions = evaluation.confusions(_SHOWN)
    if confusions:
        click.echo()
        print_table(
            ("on the plate", "read as", "times"),
            [(confusion.true or "(none)", confusion.read or "(missed)", str(confusion.count)) for confusion in confusions],
            right=("times",),
        )
