"""What fp16 and INT8 cost the shipped weights in plates, and what INT8 gains in time on this machine's processor.

    python benchmarks/int8.py --weights hpa-nano-cn --glyphs GLYPHS      accuracy and speed, about three minutes
    python benchmarks/int8.py --weights hpa-resnet18-cn --threads 2      --glyphs as above

Real plates lie in EDGELPR_DATA (or --data). Each precision reads the test part of each set that the weights' plate format
spells, and 5,000 rendered plates of middling difficulty: at least 24 pixels high, without the worst third of the cameras.
The INT8 graph for TensorRT is read by ONNX Runtime with its optimisations off; that is marked as simulated. Speed is decoded
crop to text, batch 1, in one run with the plain fp32 export. Run it while nothing else runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from edgelpr.benchmarks.machine import busy
from edgelpr.benchmarks.real_plates import REAL_SETS, plate_format_of
from edgelpr.benchmarks.reduced import (
    MIDDLING_HEIGHTS,
    MIDDLING_WORST,
    Bundles,
    make_bundles,
    measure_losses,
    measure_speed,
    write_middling,
)
from edgelpr.benchmarks.results import result_name, start_result, write_result
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.data.labels import read_labels
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.errors import EdgelprError

HERE = Path(__file__).parent
RECORDS = HERE.parent / "calibration"
SAMPLES = 700
_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)


@click.command()
@click.option("--weights", required=True, help="Name or checkpoint.")
@click.option("--data", type=_FOLDER, envvar="EDGELPR_DATA", required=True, show_envvar=True, help="Folder of the real sets.")
@click.option("--glyphs", type=_FOLDER, help="Glyph images for the rendered plates.  [default: the letters in the package]")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Processor threads.")
@click.option("--rendered", type=click.IntRange(min=0), default=5000, show_default=True, help="Number of rendered plates.")
@click.option("--seed", type=int, default=20265, show_default=True, help="Of the rendered plates.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Instead of a file in benchmarks/results.")
def main(weights: str, data: Path, glyphs: Path | None, threads: int, rendered: int, seed: int, output: Path | None) -> None:
    """Measure and print; see the top of this file."""
    try:
        with TemporaryDirectory(prefix="edgelpr-int8-") as folder:
            result = _measure(weights, data, glyphs, threads, rendered, seed, Path(folder))
    except EdgelprError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    name = Path(weights).stem
    path = output or HERE / "results" / result_name(["int8", name, f"onnxruntime-{_version(result)}", f"{threads}-threads"])
    write_result(path, result)
    click.echo(f"Written: {path}")


def _measure(
    weights: str, data: Path, glyphs: Path | None, threads: int, rendered: int, seed: int, folder: Path
) -> dict[str, Any]:
    record = RECORDS / f"{Path(weights).stem}.json"
    bundles = make_bundles(weights, folder, record, _sources(weights, data), click.echo)
    plate_format = bundles.plain.manifest.plate_format
    sets = [name for name in REAL_SETS[plate_format.name] if (data / name).is_dir()]
    result: dict[str, Any] = start_result("int8") | {"weights": Path(weights).stem, "threads": threads}
    result |= {"record_reused": bundles.reused, "speed": _speed(bundles, data / sets[0], threads)}
    losses = {f"{name}, test part": read_labels(data / name, split="test") for name in sets}
    if rendered:
        sources = GlyphSources((glyphs,) if glyphs else ())
        place = folder / "rendered"
        place.mkdir()
        losses[f"{rendered} rendered plates"] = write_middling(plate_format, sources, place, rendered, seed)
        result["rendered"] = {"seed": seed, "glyphs": sources.describe()}
        result["rendered"] |= {"heights": list(MIDDLING_HEIGHTS), "worst_severity": MIDDLING_WORST}
    result["losses"] = []
    for name, labelled in losses.items():
        for entry in measure_losses(bundles.reduced, labelled, threads):
            result["losses"].append({"data": name} | entry)
            _print(name, entry)
    return result


def _sources(weights: str, data: Path) -> list[CalibrationSource]:
    """What the shipped records were measured on: the calibrate parts, and for Chinese plates the train parts too."""
    plate_format = plate_format_of(weights).name
    parts = ("calibrate", "train") if plate_format == "cn" else ("calibrate",)
    return [CalibrationSource(data / name / "labels.csv", split=part) for name in REAL_SETS[plate_format] for part in parts]


def _speed(bundles: Bundles, images: Path, threads: int) -> dict[str, Any]:
    if busy():
        click.echo("Warning: something else keeps the processor busy; do not trust these times.", err=True)
    crops = [crop.load() for crop in read_labels(images, split="test")[:32]]
    speed = measure_speed(bundles, crops, threads, SAMPLES)
    for name, summary in speed.items():
        ratio = speed["plain fp32"].p50 / summary.p50
        click.echo(
            f"{name:11} p50 {summary.p50:.3f} ms, p90 {summary.p90:.3f} ms, {ratio:.2f} times as fast as the plain export"
        )
    return {name: {"p50": summary.p50, "p90": summary.p90, "p99": summary.p99} for name, summary in speed.items()}


def _print(data: str, entry: dict[str, Any]) -> None:
    low, high = entry["loss_interval"]
    what = entry["file"] + (", simulated" if entry["simulated"] else "")
    right = f"{entry['correct']} of {entry['plates']} right"
    lost = f"-{entry['lost']} +{entry['gained']}: {entry['loss_points']:+.2f} points lost ({low:+.2f} to {high:+.2f})"
    click.echo(f"{data:24} {what:22} {right}, {lost}, {100 * entry['agreement']:.1f} % read alike")


def _version(result: dict[str, Any]) -> str:
    return str(result["machine"]["versions"].get("onnxruntime"))


if __name__ == "__main__":
    main()
