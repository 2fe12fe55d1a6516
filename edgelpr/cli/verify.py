"""``edgelpr verify``: every precision against fp32 and against labels; what loses too much is not approved."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from edgelpr.cli.options import (
    backend_option,
    batch_size_option,
    bundle_argument,
    label_format_option,
    rectify_option,
    threads_option,
)
from edgelpr.cli.output import json_option, next_command, note, print_json
from edgelpr.errors import BundleError, UsageError
from edgelpr.types import BackendName, LabelFormat, Precision

if TYPE_CHECKING:
    from edgelpr.benchmarks.verifying.verifying import Plan, Verification
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.data.labelled import LabelledCrop

_PICTURE = click.Path(dir_okay=False, path_type=Path)


@click.command("verify")
@bundle_argument
@click.option("--data", type=click.Path(path_type=Path), required=True, metavar="LABELS", help="Labelled plates, see above.")
@label_format_option
@click.option("--split", metavar="NAME", help="Only this part: a value of the column split, or a folder below LABELS.")
@rectify_option
@backend_option
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(get_args(Precision)),
    multiple=True,
    help="Only this beside fp32; may be repeated.  [default: all that the bundle has for the backend]",
)
@click.option(
    "--max-loss",
    type=click.FloatRange(0, 100),
    default=0.3,
    show_default=True,
    metavar="POINTS",
    help="The gate: whole-plate accuracy that may be lost against fp32, in percentage points.",
)
@click.option(
    "--simulate-tensorrt",
    is_flag=True,
    help="Also read with the int8 graph made for TensorRT, through ONNX Runtime; needs onnx, and approves nothing.",
)
@click.option("--bisect", is_flag=True, help="For what fails: find the layers to keep in higher precision, and keep them.")
@click.option("--groups", "grouped", is_flag=True, help="Measure groups of layers, which is faster but coarser; with --bisect.")
@click.option("--bisect-chart", type=_PICTURE, metavar="FILE.png", help="Draw what each layer costs; with --bisect.")
@click.option("--no-record", is_flag=True, help="Only measure: leave the bundle's approvals as they are.")
@click.option("--no-timing", is_flag=True, help="Measure no speed.")
@click.option(
    "--timing-seconds",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How long each precision is timed, in turn with the others.",
)
@click.option("--chart", type=_PICTURE, metavar="FILE.png", help="Draw loss against speed, a dot a precision.")
@threads_option
@batch_size_option
@json_option
def command(
    bundle: Path,
    data: Path,
    label_format: LabelFormat,
    split: str | None,
    rectify: bool,
    backend: BackendName,
    precisions: tuple[Precision, ...],
    max_loss: float,
    simulate_tensorrt: bool,
    bisect: bool,
    grouped: bool,
    bisect_chart: Path | None,
    no_record: bool,
    no_timing: bool,
    timing_seconds: float,
    chart: Path | None,
    threads: int | None,
    batch_size: int,
    as_json: bool,
) -> None:
    """Read the same labelled plates with every precision of a BUNDLE, and approve what loses no more than --max-loss.

    LABELS is a CSV with the columns image,plate[,split], or a folder with --format, of plates that neither trained the network
    nor calibrated the bundle. The verdicts go into the bundle: what is approved, `edgelpr read` uses on this backend; what is
    not, or was never verified, it refuses. fp32 needs no approval. The exit code is 1 if a precision loses too much.

    The loss is net: plates that fp32 reads right and the precision does not, less those the other way round, in percentage
    points of all plates. Its 95 % interval (Tango) says which true losses agree with these plates, and McNemar's p how often
    chance alone would give such a difference. The gate decides by the loss found; where the interval reaches beyond the gate,
    a remark says how many plates could tell. Files that cannot be read count as wrong in every precision.

    --bisect measures what each layer costs and keeps the fewest in higher precision that make the graph pass; the bundle is
    then verified again. These layers were chosen on these plates, so confirm the result on others.

    \b
      edgelpr verify plates.elpr --data test.csv
      edgelpr verify plates.elpr --data test.csv --precision int8 --bisect
    """
    from edgelpr.benchmarks.verifying.verifying import Plan
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.data.labels import read_labels

    _check_usage(bisect, grouped, bisect_chart, no_record, no_timing, chart)
    seconds = None if no_timing else timing_seconds
    plan = Plan(backend, precisions, max_loss, simulate_tensorrt, threads, batch_size, rectify, seconds)
    job = _Job(read_labels(data, label_format, split), plan, not no_record, as_json)
    opened = Bundle.open(bundle)
    job.check(opened, data, split)
    verified, found = job.verify(opened)
    bisections: dict[Precision, Any] = {}
    if bisect:
        verified, found = job.bisect(verified, found, grouped, bisect_chart, bisections)
    _report(found, bisections, chart, as_json)
    if verified.manifest.files != opened.manifest.files:  # the layers were chosen on these plates
        next_command(_again(bundle, _Labels(Path("OTHER.csv")), plan, precisions))
    else:
        job.name_next(found, bundle, _Labels(data, label_format, split), bisect)
    if found.failed:
        click.get_current_context().exit(1)


@dataclass(frozen=True)
class _Labels:
    """Where labelled plates are, as the options say it."""

    data: Path
    label_format: LabelFormat = "csv"
    split: str | None = None

    @property
    def options(self) -> list[str]:
        """What names them on a command line."""
        layout = [] if self.label_format == "csv" else ["--format", self.label_format]
        return ["--data", str(self.data), *layout, *([] if self.split is None else ["--split", self.split])]


@dataclass(frozen=True)
class _Job:
    """The same plates and choices, for the bundle as it is and as it becomes."""

    labelled: Sequence[LabelledCrop]
    plan: Plan
    record: bool
    as_json: bool

    def check(self, bundle: Bundle, where: Path, split: str | None) -> None:
        """Refuse a bundle that cannot take verdicts, and plates that calibrated; warn of what else is wrong with them."""
        from edgelpr.benchmarks.verifying.plates import find_mistakes, find_training_plates, refuse_calibration_plates
        from edgelpr.bundle.updating import check_changeable
        from edgelpr.cli.verdicts import warn

        if self.record:
            try:
                check_changeable(bundle)
            except BundleError as error:
                raise BundleError(f"{error}, or measure only, with --no-record") from error
        refuse_calibration_plates(bundle, self.labelled, where, split)
        warn("doubtful pictures", find_mistakes(self.labelled, bundle.manifest.plate_format, where))
        if (training := find_training_plates(self.labelled)) is not None:
            note(f"Warning: {training}")

    def verify(self, bundle: Bundle) -> tuple[Bundle, Verification]:
        """Measure, say what was found, and write the verdicts into the bundle."""
        from edgelpr.benchmarks.verifying.approvals import approvals_of
        from edgelpr.benchmarks.verifying.verifying import verify
        from edgelpr.bundle.recording import record_approvals
        from edgelpr.cli.progress import Steps
        from edgelpr.cli.verdicts import print_verification, warn_of_plates

        with Steps("Verifying") as steps:
            found = verify(bundle, self.labelled, self.plan, steps.note, steps.reach)
        warn_of_plates(found)
        if not self.as_json:
            print_verification(found)
        approvals = approvals_of(bundle, found.results)
        if self.record and approvals:
            try:
                bundle = record_approvals(bundle, approvals)
            except BundleError:
                if self.as_json:  # a full disk must not cost the figures
                    print_json(_entries(found, {}))
                raise
            verdicts = [f"{each.precision} {'approved' if each.approved else 'not approved'}" for each in approvals]
            note(f"Recorded in {bundle.path}: {', '.join(verdicts)} on {self.plan.backend}")
        return bundle, found

    def bisect(
        self, bundle: Bundle, found: Verification, grouped: bool, chart: Path | None, bisections: dict[Precision, Any]
    ) -> tuple[Bundle, Verification]:
        """Repair every precision that failed, and verify the bundle again if that changed it."""
        from edgelpr.cli.verdicts import bisect_failed

        failed = [result.subject.precision for result in found.failed if not result.subject.simulated]
        if not failed:
            note("Nothing to bisect: every precision that reads here is within the gate")
            return bundle, found
        before = bundle.manifest.files
        for precision in failed:
            picture = chart if chart is None or len(failed) == 1 else chart.with_stem(f"{chart.stem}-{precision}")
            found_here = bisections if self.as_json else None
            bundle = bisect_failed(bundle, self.labelled, self.plan, precision, grouped, picture, found_here)
        return (bundle, found) if bundle.manifest.files == before else self.verify(bundle)

    def name_next(self, found: Verification, bundle: Path, labels: _Labels, bisected: bool) -> None:
        """After a failure the search for layers, after mere measuring the record of it, else reading."""
        from edgelpr.cli.verdicts import best_precision

        failed = [result.subject.precision for result in found.failed if not result.subject.simulated]
        best = best_precision(found)
        if failed and not bisected:
            next_command(_again(bundle, labels, self.plan, failed, "--bisect"))
        elif not self.record and best != "fp32":  # not approved yet
            next_command(_again(bundle, labels, self.plan, self.plan.precisions))
        else:
            next_command(shlex.join(["edgelpr", "read", str(bundle), "--precision", best, *_engine(self.plan), "IMAGE..."]))


def _check_usage(
    bisect: bool, grouped: bool, bisect_chart: Path | None, no_record: bool, no_timing: bool, chart: Path | None
) -> None:
    if bisect and no_record:
        raise UsageError("--bisect writes the graph that it finds into the bundle; leave out --no-record")
    if bisect_chart is not None and not bisect:
        raise UsageError("--bisect-chart draws what --bisect finds; add --bisect")
    if grouped and not bisect:
        raise UsageError("--groups says how --bisect measures layers; add --bisect")
    if chart is not None and no_timing:
        raise UsageError("--chart draws loss against speed; leave out --no-timing")


def _entries(found: Verification, bisections: dict[Precision, Any]) -> list[dict[str, Any]]:
    from edgelpr.benchmarks.verifying.entries import to_entry

    entries = []
    for result in found.results:
        bisection = None if result.subject.simulated else bisections.get(result.subject.precision)
        entries.append(to_entry(result) | ({} if bisection is None else {"bisection": bisection}))
    return entries


def _report(found: Verification, bisections: dict[Precision, Any], chart: Path | None, as_json: bool) -> None:
    if as_json:
        print_json(_entries(found, bisections))
    if chart is not None:  # last: a full disk must not cost the figures
        from edgelpr.benchmarks.verifying.chart import write_verification_chart

        write_verification_chart(chart, found.results)
        note(f"Wrote {chart}: loss by speed")


def _again(bundle: Path, labels: _Labels, plan: Plan, precisions: Sequence[Precision], *more: str) -> str:
    """This command for these precisions, by the same gate."""
    from edgelpr.benchmarks.verifying.gate import MAX_LOSS

    gate = [] if plan.max_loss == MAX_LOSS else ["--max-loss", f"{plan.max_loss:g}"]
    upright = ["--rectify"] if plan.rectify else []
    only = [part for precision in precisions for part in ("--precision", precision)]
    return shlex.join(["edgelpr", "verify", str(bundle), *labels.options, *upright, *_engine(plan), *gate, *only, *more])


def _engine(plan: Plan) -> list[str]:
    chosen = [] if plan.backend == "onnxruntime" else ["--backend", plan.backend]
    return chosen if plan.threads is None else [*chosen, "--threads", str(plan.threads)]
