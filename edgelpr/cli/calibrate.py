"""`edgelpr calibrate`: INT8 and fp16 graphs for a bundle, from crops of real plates."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from click.core import ParameterSource

from edgelpr.cli.calibration_report import show_calibration
from edgelpr.cli.crops import rendered_crops
from edgelpr.cli.options import bundle_argument, rectify_option, threads_option
from edgelpr.cli.output import json_option, next_command, note
from edgelpr.errors import CalibrationError, UsageError, require
from edgelpr.types import LabelFormat, RangeMethod

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.calibration.calibrating import CalibrationReport
    from edgelpr.calibration.images import CalibrationImages
    from edgelpr.calibration.record import CalibrationRecord

_AUTO = "auto"
_RENDERED = 32
_SHOWN = 5
_FILE = click.Path(dir_okay=False, path_type=Path)
_OF_IMAGES = ("label_format", "split", "rectify", "most", "seed")


@click.command()
@bundle_argument
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR|CSV",
    help="Crops of real plates: a folder, searched to the bottom, or labels; may be repeated. With --reuse they only check "
    "the new graphs.",
)
@click.option(
    "--format",
    "label_format",
    type=click.Choice(get_args(LabelFormat)),
    help="How labels are stored, as for `edgelpr eval`.  [default: a CSV, labels.csv in the folder, or else every image]",
)
@click.option(
    "--split",
    metavar="NAME",
    help="Only this part; all for every image.  [default: the one called calibrate, or else all that are not for testing]",
)
@rectify_option
@click.option("--most", type=click.IntRange(min=32), default=500, show_default=True, help="Images to take, evenly chosen.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides which.")
@click.option(
    "--method",
    type=click.Choice((_AUTO, *get_args(RangeMethod))),
    default=_AUTO,
    show_default=True,
    help="How ranges are chosen; auto tries each and keeps the one that loses least on images held out.",
)
@click.option("--reuse", type=_FILE, metavar="RECORD.json", help="Ranges of an earlier calibration of the same model.")
@click.option(
    "--tensorrt-cache",
    "cache",
    type=_FILE,
    metavar="FILE",
    help="Also write the ranges as a TensorRT calibration cache, for DLA; alone, those of the bundle's own record.",
)
@click.option(
    "--tensorrt-version", metavar="VERSION", help="Of the TensorRT that reads the cache, for example 8.6.1 or 10.3.0."
)
@threads_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    bundle: Path,
    images: tuple[Path, ...],
    label_format: LabelFormat | None,
    split: str | None,
    rectify: bool,
    most: int,
    seed: int,
    method: RangeMethod | str,
    reuse: Path | None,
    cache: Path | None,
    tensorrt_version: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Add INT8 and fp16 graphs to a BUNDLE, with ranges measured on crops of real plates.

    INT8 rounds what flows through the network to 256 steps. Where the steps end is measured: give at least 32 crops, better
    500, of the plates, cameras, hours and weather that will be read. They need no labels; parts for testing are left alone.

    Written are int8-cpu.onnx for ONNX Runtime, int8.onnx and fp16.onnx for TensorRT, and calibration.json, the record. None of
    them reads before `edgelpr verify` has approved it on labelled plates. The bundle stays whole whatever fails. A bundle that
    reads tracks (iq-stan) is refused: it stays in fp32 for now.

    \b
      edgelpr calibrate plates.elpr --images my-crops/
      edgelpr calibrate plates.elpr --images cn/labels.csv --images eu/labels.csv --split calibrate
      edgelpr calibrate again.elpr --reuse plates.elpr/calibration.json
      edgelpr calibrate dla.elpr --tensorrt-cache dla.cache --tensorrt-version 8.6.1
    """
    given = [name for name in (*_OF_IMAGES, "method") if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    _check_usage(images, reuse, given, cache, tensorrt_version)
    for module in ("onnx", "onnxruntime"):
        require(module, "export", "calibrating")
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.calibration.caching import check_cache, write_cache

    opened = Bundle.open(bundle)
    opened.check_reads_crops()
    if cache is not None and tensorrt_version is not None:
        check_cache(opened, cache, tensorrt_version)
    loaded, report = None, None
    if images:
        loaded = _load(opened, images, label_format, split, rectify, most, seed)
    if reuse is not None:
        report = _reuse(opened, reuse, loaded, threads)
    elif loaded is not None:
        report = _calibrate(opened, loaded, None if method == _AUTO else method, threads)  # type: ignore[arg-type]
    if cache is not None and tensorrt_version is not None:
        write_cache(opened if report is None else report.bundle, cache, tensorrt_version)
        note(f"Wrote {cache}, for TensorRT {tensorrt_version}: trtexec --calib={shlex.quote(str(cache))}")
    if report is not None:
        show_calibration(report, loaded, as_json)
        next_command(shlex.join(["edgelpr", "verify", str(bundle), "--data", "labels.csv"]))


def _check_usage(
    images: tuple[Path, ...], reuse: Path | None, given: list[str], cache: Path | None, tensorrt_version: str | None
) -> None:
    if (cache is None) != (tensorrt_version is None):
        raise UsageError("--tensorrt-cache FILE and --tensorrt-version VERSION go together; give both or neither")
    if not images and reuse is None and cache is None:
        raise UsageError("no calibration images: name a folder of real crops (--images DIR), or a record (--reuse RECORD.json)")
    needless = [name for name in given if not images or (reuse is not None and name == "method")]
    if needless:
        option = "--" + needless[0].replace("label_format", "format")
        raise UsageError(f"{option} is about measuring on images: give --images DIR with it, without --reuse")


def _load(
    opened: Bundle,
    images: tuple[Path, ...],
    label_format: LabelFormat | None,
    split: str | None,
    rectify: bool,
    most: int,
    seed: int,
) -> CalibrationImages:
    from edgelpr.calibration.loading import load_calibration_images
    from edgelpr.calibration.sources import CalibrationSource
    from edgelpr.cli.progress import Steps

    sources = [CalibrationSource(path, label_format, split, rectify) for path in images]
    with Steps("Reading images") as steps:
        loaded = load_calibration_images(sources, opened.manifest.preprocessing, most=most, seed=seed, progress=steps.reach)
    note(f"{len(loaded)} of {loaded.found} images ({'; '.join(loaded.sources)}), seed {seed}")
    for item in loaded.left_out[:_SHOWN]:
        note(f"  left out: {item.reason}")
    if len(loaded.left_out) > _SHOWN:
        note(f"  and {len(loaded.left_out) - _SHOWN} more (--json lists all)")
    for name, count in loaded.held_back:
        note(f"  held back for testing: {count} images of the part {name}")
    return loaded


def _calibrate(opened: Bundle, images: CalibrationImages, method: RangeMethod | None, threads: int | None) -> CalibrationReport:
    from edgelpr.calibration.calibrating import calibrate
    from edgelpr.cli.progress import Steps

    with Steps("Running crops") as steps:
        return calibrate(opened, images, method=method, threads=threads, say=steps.note, progress=steps.reach)


def _reuse(opened: Bundle, path: Path, images: CalibrationImages | None, threads: int | None) -> CalibrationReport:
    from edgelpr.calibration.calibrating import reuse_record

    record = _read_record(path)
    if images is None:
        require("PIL", "export", "rendering crops to check graphs on", package="pillow")
        crops = rendered_crops(opened.manifest.plate_format, _RENDERED, "the graphs")
    else:
        crops = images.crops
    return reuse_record(opened, record, crops, where=str(path), threads=threads, say=note)


def _read_record(path: Path) -> CalibrationRecord:
    from edgelpr.calibration.record import CalibrationRecord

    try:
        content = path.read_bytes()
    except OSError as error:
        raise CalibrationError(
            f"{path}: cannot be read ({error.strerror or error}); expected the calibration.json of a calibrated bundle"
        ) from error
    return CalibrationRecord.from_json(content, str(path))
