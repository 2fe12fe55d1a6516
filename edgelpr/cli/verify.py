"""``edgelpr verify``: every precision against fp32 and against labels; what loses too much is not approved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from edgelpr.cli.options import (
    backend_option,
    batch_size_option,
    bundle_argument,
    engine_use_options,
    given_options,
    label_format_option,
    making_options,
    rectify_option,
    threads_option,
)
from edgelpr.cli.output import json_option, next_command
from edgelpr.cli.plate_labels import Labels, Making, check_crops_only, read_plates
from edgelpr.cli.verify_job import Search, VerifyJob, command_again, write_report
from edgelpr.errors import UsageError
from edgelpr.types import BackendName, LabelFormat, Precision

if TYPE_CHECKING:
    from edgelpr.runtime.executing.use import EngineUse

_PICTURE = click.Path(dir_okay=False, path_type=Path)


@click.command("verify")
@bundle_argument
@click.option("--data", type=click.Path(path_type=Path), required=True, metavar="LABELS", help="Labelled plates, see above.")
@label_format_option
@click.option("--split", metavar="NAME", help="Only this part: a value of the column split, or a folder below LABELS.")
@rectify_option
@making_options
@backend_option
@engine_use_options
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
    "--least-plates",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    metavar="N",
    help="Different plates, read right by fp32, that it takes to approve: none lost of 64 may still be 5.7 points (95 %).",
)
@click.option(
    "--simulate-tensorrt",
    is_flag=True,
    help="Also read with the int8 graph made for TensorRT, through ONNX Runtime; needs onnx, and approves nothing.",
)
@click.option("--bisect", is_flag=True, help="For what fails: find the layers to keep in higher precision, and keep them.")
@click.option("--keep-slow", is_flag=True, help="Write what --bisect found even where it is no faster than fp32 any more.")
@click.option("--groups", "grouped", is_flag=True, help="Measure groups of layers, which is faster but coarser; with --bisect.")
@click.option("--bisect-chart", type=_PICTURE, metavar="FILE.png", help="Draw what each layer costs; with --bisect.")
@click.option(
    "--forget",
    metavar="HASH",
    help="First withdraw the verdicts on plates whose data hash begins so, as where their labels were wrong.",
)
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
@click.pass_context
def command(
    context: click.Context,
    bundle: Path,
    data: Path,
    label_format: LabelFormat,
    split: str | None,
    rectify: bool,
    hardness: float,
    seed: int,
    backend: BackendName,
    use: EngineUse,
    precisions: tuple[Precision, ...],
    max_loss: float,
    least_plates: int,
    simulate_tensorrt: bool,
    bisect: bool,
    keep_slow: bool,
    grouped: bool,
    bisect_chart: Path | None,
    forget: str | None,
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
    not, or was never verified, it refuses. fp32 needs no approval. The exit code is 1 if a precision is not approved.

    For a bundle that reads tracks (iq-stan) a CSV with the columns track,image,plate[,split] holds tracks, a line a frame. From
    other labels a track of one to five frames is made from each crop, moved and damaged, always the same from the same crop;
    tracks of your own cameras say more. --bisect is for single crops only.

    Verdicts are kept for each set of plates: a loss beyond the gate stands until the same plates are verified anew, whatever
    others say, and without one an approval on --least-plates or more is enough. Copies of a picture count once, plates that
    fp32 misreads not at all, and where it misreads more than half nothing is approved. A set with corrected labels is another
    set: withdraw the verdict on the former one, of every precision, with --forget.

    The loss is net: plates that fp32 reads right and the precision does not, less those the other way round, in percentage
    points of all plates. Its 95 % interval (Tango) says which true losses agree with these plates, and McNemar's p how often
    chance alone would give such a difference. The gate decides by the loss found; where the interval reaches beyond the gate,
    a remark says how many plates could tell. Files that cannot be read count as wrong in every precision.

    An engine of TensorRT is approved as it was built: another build, board or version is verified anew. --build also builds
    what is missing, such as the engine of fp32 that the others are held against.

    --bisect measures what each layer costs and keeps the fewest in higher precision that make the graph pass, if it is then
    still faster than fp32; the bundle is then verified again. The plates that chose the layers approve nothing: confirm the
    result on others.

    \b
      edgelpr verify plates.elpr --data test.csv
      edgelpr verify plates.elpr --data test.csv --precision int8 --bisect
      edgelpr verify plates.elpr --data test.csv --backend tensorrt --precision int8 --build
      edgelpr verify tracks.elpr --data labelled-tracks.csv
    """
    from edgelpr.benchmarks.verifying.verifying import Plan
    from edgelpr.bundle.bundle import Bundle

    _check_usage(backend, bisect, grouped or keep_slow, bisect_chart, forget, no_record, no_timing, chart)
    seconds = None if no_timing else timing_seconds
    engine = (backend, precisions, max_loss, least_plates, simulate_tensorrt, threads, batch_size)
    plan = Plan(*engine, rectify, seconds, use.build, use.device, use.trust_engines, use.dla)
    opened = Bundle.open(bundle)
    given = given_options(context, "hardness", "seed")
    check_crops_only(opened, bisect, given)
    labels = Labels(data, label_format, split, Making(hardness, seed) if given else None)
    job = VerifyJob(read_plates(opened, labels), plan, not no_record, as_json)
    job.check(opened, data, split)
    if forget is not None:
        opened = job.forget(opened, forget)
    verified, found = job.verify(opened)
    bisections: dict[Precision, Any] = {}
    if bisect:
        verified, found = job.bisect(verified, found, Search(grouped, keep_slow, bisect_chart), bisections)
    write_report(found, bisections, chart, as_json)
    if verified.manifest.files != opened.manifest.files:  # the layers were chosen on these plates
        next_command(command_again(bundle, Labels(Path("OTHER.csv")), plan, precisions))
    else:
        job.name_next(found, opened, labels, bisect)
    if found.unapproved:
        context.exit(1)


def _check_usage(
    backend: BackendName,
    bisect: bool,
    searching: bool,
    bisect_chart: Path | None,
    forget: str | None,
    no_record: bool,
    no_timing: bool,
    chart: Path | None,
) -> None:
    if bisect and no_record:
        raise UsageError("--bisect writes the graph that it finds into the bundle; leave out --no-record")
    if bisect_chart is not None and not bisect:
        raise UsageError("--bisect-chart draws what --bisect finds; add --bisect")
    if searching and not bisect:
        raise UsageError("--groups and --keep-slow say how --bisect works; add --bisect")
    if chart is not None and no_timing:
        raise UsageError("--chart draws loss against speed; leave out --no-timing")
    if bisect and backend != "onnxruntime":
        raise UsageError(f"--bisect reads with onnxruntime, not with {backend}; choose --backend onnxruntime")
    if forget is not None and no_record:
        raise UsageError("--forget takes verdicts out of the bundle; leave out --no-record")
