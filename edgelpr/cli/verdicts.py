"""What ``edgelpr verify`` prints, and what it hands to the search for layers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from edgelpr.cli.output import note, print_table, warn_of
from edgelpr.types import Precision

if TYPE_CHECKING:
    from edgelpr.benchmarks.verifying.result import PrecisionResult
    from edgelpr.benchmarks.verifying.verifying import Plan, Verification
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.cli.verify_job import Search
    from edgelpr.data.labelled import LabelledCrop

_SHOWN = 10
_ACCURACY = ("precision", "read right", "95 % interval", "characters", "lost", "gained", "loss", "95 % interval of it", "p")
_SPEED = ("precision", "reads as fp32", "confidence moved", "ms p50", "ms p90", "speed", "approved", "file")
_NUMBERS = ("read right", "characters", "lost", "gained", "loss", "p", "reads as fp32", "confidence moved", "ms p50", "ms p90")


def print_verification(found: Verification) -> None:
    """Two tables with a row a precision, the plates read otherwise, and a verdict in words for each."""
    from edgelpr.benchmarks.verifying.verdict import counted

    plates = found.reference.plates
    click.echo(f"\n{counted(plates)}, data sha256 {found.reference.data_sha256}")
    print_table(_ACCURACY, [_accuracy_row(result) for result in found.results], right=_NUMBERS)
    click.echo()
    print_table(_SPEED, [_speed_row(result) for result in found.results], right=(*_NUMBERS, "speed"))
    timed = [result.speed.samples for result in found.results if result.speed is not None]
    if timed:
        what = "crop" if found.results[0].track_origin is None else "frames"
        click.echo(
            f"Time from decoded {what} to text, one by one, {timed[0]} plates each in turn. Speed: by medians, fp32 is 1"
        )
    _print_discordant(found)
    _print_verdicts(found)


def warn(what: str, lines: Sequence[str]) -> None:
    """List what is wrong with the plates on stderr; nothing where nothing is."""
    warn_of(what, lines, "'edgelpr check' lists what is wrong with labelled plates")


def warn_of_plates(found: Verification) -> None:
    """Say which plates every precision gets wrong because of themselves."""
    reference = found.reference
    warn("labels beyond the plate format, counted as wrong in every precision", reference.warnings)
    unreadable = [score.error or "" for score in reference.unreadable]
    warn("files that could not be read, counted as wrong in every precision", unreadable)
    for warning in found.warnings:
        note(f"Warning: {warning}")


def best_precision(found: Verification) -> Precision:
    """The fastest that is approved, fp32 where none is faster; where no time was taken, the one with the least bits."""
    approved = [result for result in found.results if result.approved]
    if any(result.speed_ratio is not None for result in approved):
        faster = [result for result in approved if result.faster] or approved[:1]
        return max(faster, key=lambda result: result.speed_ratio or 0.0).subject.precision
    return approved[-1].subject.precision


def bisect_failed(
    bundle: Bundle,
    labelled: Sequence[LabelledCrop],
    plan: Plan,
    precision: Precision,
    search: Search,
    bisections: dict[Precision, Any] | None,
) -> Bundle:
    """Search the layers that a precision has to keep; the bundle with its new graph, or the old one without such a set.

    Args:
        bundle: as verified.
        labelled: the plates.
        plan: the choices.
        precision: what failed.
        search: how.
        bisections: takes what was found as plain values, by precision; None: it is printed as tables.
    """
    from edgelpr.cli.bisecting import bisect_and_report

    return bisect_and_report(
        bundle,
        labelled,
        precision=precision,
        backend=plan.backend,
        max_loss=plan.max_loss,
        threads=plan.threads,
        batch_size=plan.batch_size,
        rectify=plan.rectify,
        chart=search.chart,
        take=None if bisections is None else partial(bisections.__setitem__, precision),
        grouped=search.grouped,
        keep_slow=search.keep_slow,
    )


def _accuracy_row(result: PrecisionResult) -> list[str]:
    from edgelpr.benchmarks.verifying.verdict import points

    evaluation, counts = result.evaluation, result.counts
    low, high = evaluation.plate_accuracy_interval
    row = [
        result.subject.name,
        f"{evaluation.correct} ({evaluation.plate_accuracy:.2%})",
        f"{low:.2%} to {high:.2%}",
        f"{evaluation.character_accuracy:.2%}",
    ]
    if result.is_reference:
        return [*row, "-", "-", "-", "-", "-"]
    least, most = result.loss_interval
    interval = f"{points(least)} to {points(most)}"
    p_value = f"{result.comparison.test.exact:.2g}"
    return [*row, str(counts.only_first), str(counts.only_second), points(result.loss_points), interval, p_value]


def _speed_row(result: PrecisionResult) -> list[str]:
    shift, speed, ratio = result.largest_confidence_shift, result.speed, result.speed_ratio
    moved = "-" if shift is None or result.is_reference else f"{shift[0]:.3f} ({shift[1].crop.path.name})"
    return [
        result.subject.name,
        "-" if result.is_reference else f"{result.agreement:.2%}",
        moved,
        "-" if speed is None else f"{speed.p50:.2f}",
        "-" if speed is None or speed.p90 is None else f"{speed.p90:.2f}",
        "-" if ratio is None else f"{ratio:.2f}",
        "not needed" if result.is_reference else {True: "yes", False: "no", None: "-"}[result.approved],
        result.subject.graph.file,
    ]


def _print_discordant(found: Verification) -> None:
    rows = [
        (result.subject.name, pair.plate, pair.first or "-", pair.second or "-", pair.image.name)
        for result in found.results
        for pair in result.comparison.discordant[:_SHOWN]
    ]
    if rows:
        click.echo("\nPlates that only one of fp32 and the precision reads right")
        print_table(("precision", "on the plate", "fp32", "precision read", "image"), rows)
    more = sum(max(0, len(result.comparison.discordant) - _SHOWN) for result in found.results)
    if more:
        click.echo(f"and {more} more (--json lists every one)")


def _print_verdicts(found: Verification) -> None:
    from edgelpr.benchmarks.verifying.verdict import remark, reversal, verdict

    click.echo()
    for result in found.results:
        click.echo(verdict(result))
    for text in (text(result) for result in found.results for text in (reversal, remark)):
        if text is not None:
            click.echo(f"Remark: {text}")
