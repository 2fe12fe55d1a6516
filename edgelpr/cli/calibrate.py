"""`edgelpr calibrate`: INT8 and fp16 graphs for a bundle, from crops or tracks of real plates."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from edgelpr.cli.calibration_inputs import OF_TRACKS, Asked, check_track_options, load_inputs, rendered_inputs
from edgelpr.cli.calibration_report import show_calibration
from edgelpr.cli.options import bundle_argument, given_options, hardness_option, rectify_option, threads_option, tracks_option
from edgelpr.cli.output import json_option, next_command, note
from edgelpr.errors import CalibrationError, UsageError, require
from edgelpr.types import LabelFormat, RangeMethod

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.calibration.calibrating import CalibrationReport
    from edgelpr.calibration.images import CalibrationImages
    from edgelpr.calibration.record import CalibrationRecord
    from edgelpr.calibration.track_images import CalibrationTracks

_AUTO = "auto"
_FILE = click.Path(dir_okay=False, path_type=Path)
_OF_IMAGES = ("label_format", "split", "rectify", "most", "seed", *OF_TRACKS)


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
@tracks_option
@hardness_option
@click.option(
    "--most", type=click.IntRange(min=32), default=500, show_default=True, help="Images, or tracks, to take, evenly chosen."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Decides which, and what tracks are made of crops."
)
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
    tracks: bool,
    hardness: float,
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
    them reads before `edgelpr verify` has approved it on labelled plates. The bundle stays whole whatever fails.

    For a bundle that reads tracks (iq-stan) a CSV with the columns track,image holds tracks, as for `edgelpr track`, and with
    --tracks a folder does for each. From every other crop a track of one to five frames is made, each moved and damaged apart,
    always the same from the same crop. What is recurrent is not rounded.

    \b
      edgelpr calibrate plates.elpr --images my-crops/
      edgelpr calibrate plates.elpr --images cn/labels.csv --images eu/labels.csv --split calibrate
      edgelpr calibrate tracks.elpr --images gate/ --tracks
      edgelpr calibrate again.elpr --reuse plates.elpr/calibration.json
      edgelpr calibrate dla.elpr --tensorrt-cache dla.cache --tensorrt-version 8.6.1
    """
    given = given_options(context, *_OF_IMAGES, "method")
    _check_usage(images, reuse, given, cache, tensorrt_version)
    for module in ("onnx", "onnxruntime"):
        require(module, "export", "calibrating")
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.calibration.caching import check_cache, write_cache

    opened = Bundle.open(bundle)
    check_track_options(opened, given)
    if cache is not None and tensorrt_version is not None:
        check_cache(opened, cache, tensorrt_version)
    loaded, report = None, None
    if images:
        loaded = load_inputs(opened, Asked(images, label_format, split, rectify, tracks, hardness, most, seed))
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


def _calibrate(
    opened: Bundle, images: CalibrationImages | CalibrationTracks, method: RangeMethod | None, threads: int | None
) -> CalibrationReport:
    from edgelpr.calibration.calibrating import calibrate
    from edgelpr.cli.progress import Steps

    with Steps("Running crops" if opened.manifest.frames is None else "Running tracks") as steps:
        return calibrate(opened, images, method=method, threads=threads, say=steps.note, progress=steps.reach)


def _reuse(
    opened: Bundle, path: Path, images: CalibrationImages | CalibrationTracks | None, threads: int | None
) -> CalibrationReport:
    from edgelpr.calibration.calibrating import reuse_record

    record = _read_record(path)
    inputs = rendered_inputs(opened) if images is None else images.inputs
    return reuse_record(opened, record, inputs, where=str(path), threads=threads, say=note)


def _read_record(path: Path) -> CalibrationRecord:
    from edgelpr.calibration.record import CalibrationRecord

    try:
        content = path.read_bytes()
    except OSError as error:
        raise CalibrationError(
            f"{path}: cannot be read ({error.strerror or error}); expected the calibration.json of a calibrated bundle"
        ) from error
    return CalibrationRecord.from_json(content, str(path))
