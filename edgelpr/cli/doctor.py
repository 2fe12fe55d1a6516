"""`edgelpr doctor`: what this machine can do, and what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgelpr.cli.output import json_option, next_command, note, print_json, print_table
from edgelpr.types import CheckStatus

if TYPE_CHECKING:
    from edgelpr.doctor.check import Check

_SIGNS: dict[CheckStatus, str] = {"ok": "ok", "warning": "WARNING", "error": "ERROR", "skipped": "-"}
_WORDS: dict[CheckStatus, str] = {"error": "error", "warning": "warning"}


@click.command()
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@click.option("--root", type=click.Path(path_type=Path), default=Path("/"), hidden=True)
@json_option
def command(bundle: Path | None, root: Path, as_json: bool) -> None:
    """Look at this machine: board, JetPack, driver, CUDA, TensorRT, power mode, memory, packages.

    Every fault is told with what to do about it. With a BUNDLE also: with which of its precisions this machine may read.

    \b
    An error stops edgelpr here; the exit code is then 1.
    A warning costs speed or comfort; the exit code stays 0.

    \b
      edgelpr doctor                  the machine alone
      edgelpr doctor plates.elpr      also which precisions and engines of a bundle can be used here
    """
    from edgelpr.doctor.check import count
    from edgelpr.doctor.checks.bundle import build_here
    from edgelpr.doctor.examining import examine, examine_bundle
    from edgelpr.doctor.surroundings import survey

    here = survey(root)
    checks = examine(here)
    opened = None
    if bundle is not None:
        more, opened = examine_bundle(here, bundle)
        checks = (*checks, *more)
    if as_json:
        print_json({"checks": [check.to_dict() for check in checks]})
    else:
        _print(checks)
    if count(checks, "error"):
        next_command("edgelpr doctor, after the remedies of the errors")
        click.get_current_context().exit(1)
    build = None if opened is None else build_here(here, opened)
    reads_tracks = opened is not None and opened.manifest.frames is not None
    read = f"edgelpr track {bundle} FRAMES..." if reads_tracks else f"edgelpr read {bundle or 'BUNDLE'} IMAGE..."
    next_command(build or read)


def _print(checks: Sequence[Check]) -> None:
    from edgelpr.doctor.check import count

    print_table(["status", "check", "found"], [[_SIGNS[check.status], check.name, check.found] for check in checks])
    faults = [check for check in checks if check.remedy is not None]
    if faults:
        click.echo("\nWhat to do")
    for check in faults:
        click.echo(f"  {check.name}: {check.remedy}")
    counts = {word: count(checks, status) for status, word in _WORDS.items()}
    note(", ".join(f"{number} {word if number == 1 else f'{word}s'}" for word, number in counts.items()))
