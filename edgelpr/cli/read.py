"""``edgelpr read``: plates of crops."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgelpr.cli.options import (
    allow_unapproved_option,
    backend_choice_option,
    batch_size_option,
    bundle_argument,
    engine_use_options,
    precision_option,
    threads_option,
)
from edgelpr.cli.output import json_option, next_command, note, pad, print_json_line
from edgelpr.types import BackendChoice, Precision

if TYPE_CHECKING:
    from edgelpr.cli.images import Wanted
    from edgelpr.errors import ImageError
    from edgelpr.runtime.executing.use import EngineUse
    from edgelpr.runtime.reading import Reading
    from edgelpr.runtime.recognizer import Recognizer

_PLATE_COLUMNS = 12


@click.command("read")
@bundle_argument
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option("--from-file", "list_file", metavar="LIST", help="File with one path a line; - for standard input.")
@click.option(
    "--save", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Draw plate, confidences and HPA maps onto each crop, into this folder.",
)  # fmt: skip
@backend_choice_option
@engine_use_options
@precision_option
@allow_unapproved_option
@threads_option
@batch_size_option
@json_option
def command(
    bundle: Path,
    images: tuple[str, ...],
    list_file: str | None,
    folder: Path | None,
    backend: BackendChoice,
    use: EngineUse,
    precision: Precision,
    allow_unapproved: bool,
    threads: int | None,
    batch_size: int,
    as_json: bool,
) -> None:
    """Read the plates of IMAGEs with a BUNDLE.

    An IMAGE is a crop of one plate; a folder, searched to the bottom; a pattern such as 'crops/*.jpg'; or - for a list of
    paths on standard input. Files that cannot be read are reported and the others read; the exit code is then 1.
    """
    from edgelpr.cli.images import wanted_images
    from edgelpr.cli.opening import open_with_progress
    from edgelpr.runtime.recognizer import Recognizer

    if not images and list_file is None:
        raise click.UsageError("Missing argument 'IMAGE...': name images, folders or patterns, or a list by --from-file.")
    wanted = wanted_images(images, list_file)
    options = (backend, precision, threads, batch_size, allow_unapproved)
    with open_with_progress(partial(Recognizer.open, bundle, *options), use) as recognizer:
        note(f"Reading with {recognizer.description}, {recognizer.precision}")
        failed = _read_all(recognizer, wanted, folder, as_json)
    if folder is not None:
        note(f"Drawings are in {folder}")
    if failed:
        note(f"{failed} of {len(wanted)} could not be read")
        click.get_current_context().exit(1)
    draw = ["edgelpr", "read", str(bundle), str(wanted[0].path), "--save", "drawings"]
    next_command(shlex.join(draw if folder is None else ["edgelpr", "eval", str(bundle), "LABELS.csv"]))


def _read_all(recognizer: Recognizer, wanted: Sequence[Wanted], folder: Path | None, as_json: bool) -> int:
    """Read and print everything; returns how many failed."""
    from edgelpr.cli.progress import ProgressBar
    from edgelpr.cli.saving import Drawings
    from edgelpr.errors import ImageError

    drawings = None if folder is None else Drawings(folder, [item.path for item in wanted], recognizer)
    results_on_terminal = sys.stdout.isatty()
    failed = 0
    if not as_json:
        click.echo(f"{'plate':<{_PLATE_COLUMNS}}  confidence  file")
    with ProgressBar(len(wanted), "Reading", wanted=not results_on_terminal) as bar:
        for done, (path, outcome) in enumerate(_outcomes(recognizer, wanted), start=1):
            failed += isinstance(outcome, ImageError)
            if as_json:
                print_json_line(_as_dict(path, outcome, recognizer))
            elif isinstance(outcome, ImageError):
                bar.note(f"Error: {outcome}")
            else:
                click.echo(_table_line(path, outcome))
            if drawings is not None and not isinstance(outcome, ImageError):
                drawings.save(path, outcome)
            bar.reach(done)
    if drawings is not None and drawings.limits:
        note(drawings.limits)
    return failed


def _outcomes(recognizer: Recognizer, wanted: Sequence[Wanted]) -> Iterator[tuple[Path, Reading | ImageError]]:
    """What came of each, in order."""
    from edgelpr.errors import ImageError

    readings = recognizer.stream(item.path for item in wanted if item.problem is None)
    for item in wanted:
        if item.problem is not None:
            yield item.path, ImageError(f"{item.path}: {item.problem}")
        else:
            yield item.path, next(readings)


def _table_line(path: Path, reading: Reading) -> str:
    plate = reading.plate or "(nothing)"
    return f"{pad(plate, _PLATE_COLUMNS)}  {reading.confidence:10.4f}  {path}"


def _as_dict(path: Path, outcome: Reading | ImageError, recognizer: Recognizer) -> dict[str, object]:
    from edgelpr.errors import ImageError

    if isinstance(outcome, ImageError):
        return {"file": str(path), "error": str(outcome)}
    characters = [
        {
            "text": character.text,
            "confidence": round(character.confidence, 6),
            "box": None if character.box is None else [round(side, 2) for side in character.box],
        }
        for character in outcome.characters
    ]
    return {
        "file": str(path),
        "plate": outcome.plate,
        "confidence": round(outcome.confidence, 6),
        "characters": characters,
        "backend": recognizer.backend,
        "precision": recognizer.precision,
    }
