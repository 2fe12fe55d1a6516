"""What fp16 and INT8 cost the shipped weights in plates, and what INT8 gains in time on this machine's processor.

    python benchmarks/int8.py --weights hpa-nano-cn --glyphs GLYPHS      accuracy and speed, about three minutes
    python benchmarks/int8.py --weights hpa-resnet18-cn --threads 2      --glyphs as above
    python benchmarks/int8.py --weights hpa-nano-cn --only speed         the times alone, into the same result
    python benchmarks/int8.py --weights hpa-nano-cn --new-record calibration/hpa-nano-cn.json    for another checkpoint

Real plates lie in EDGELPR_DATA (or --data). Each precision reads the test part of each set that the weights' plate format
spells, and 5,000 rendered plates of middling difficulty: at least 24 pixels high, without the worst third of the cameras.
The INT8 graph for TensorRT is read by ONNX Runtime with its optimisations off; that is marked as simulated. Speed is decoded
crop to text, batch 1, in one run with the plain fp32 export. Run it while nothing else runs.
"""

from __future__ import annotations

import json
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
from edgelpr.calibration.record import CALIBRATION
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.data.labels import read_labels
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.errors import EdgelprError, UsageError

HERE = Path(__file__).parent
RECORDS = HERE.parent / "calibration"
SAMPLES = 700
_PARTS = ("accuracy", "speed")
_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)


@click.command()
@click.option("--weights", required=True, help="Name or checkpoint.")
@click.option("--data", type=_FOLDER, envvar="EDGELPR_DATA", required=True, show_envvar=True, help="Folder of the real sets.")
@click.option("--glyphs", type=_FOLDER, help="Glyph images for the rendered plates.  [default: the letters in the package]")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Processor threads.")
@click.option("--rendered", type=click.IntRange(min=0), default=5000, show_default=True, help="Number of rendered plates.")
@click.option("--seed", type=int, default=20265, show_default=True, help="Of the rendered plates.")
@click.option("--only", type=click.Choice(_PARTS), help="Measure this and keep the other part of a result that is there.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Instead of a file in benchmarks/results.")
@click.option("--new-record", type=click.Path(dir_okay=False, path_type=Path), help="Calibrate anew, write this, and end.")
def main(weights: str, data: Path, output: Path | None, new_record: Path | None, **options: Any) -> None:
    """Measure and print; see the top of this file."""
    try:
        with TemporaryDirectory(prefix="edgelpr-int8-") as folder:
            if new_record is not None:
                _write_record(weights, data, new_record, Path(folder))
            else:
                _write_result(_measure(weights, data, folder=Path(folder), **options), output)
    except EdgelprError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


def _write_record(weights: str, data: Path, path: Path, folder: Path) -> None:
    bundles = make_bundles(weights, folder, folder / "none.json", _sources(weights, data), click.echo)
    path.write_bytes(bundles.reduced.file(CALIBRATION).read_bytes())
    click.echo(f"Written: {path}")


def _write_result(result: dict[str, Any], output: Path | None) -> None:
    parts = ["int8", result["weights"], f"onnxruntime-{_version(result)}", f"{result['threads']}-threads"]
    path = output or HERE / "results" / result_name(parts)
    if len(result["parts"]) < len(_PARTS) and path.is_file():
        result = _joined(json.loads(path.read_text(encoding="utf-8")), result, path)
    write_result(path, result)
    click.echo(f"Written: {path}")


def _joined(before: dict[str, Any], result: dict[str, Any], path: Path) -> dict[str, Any]:
    """A part that was measured now with the other one of an earlier result, of the same machine and versions."""
    was, now = ({**each["machine"], "load_before": None} for each in (before, result))
    if was != now:
        raise UsageError(f"{path}: was measured on another machine or with other versions; measure both parts, without --only")
    earlier = {part: {"when": before["when"], "load_before": before["machine"]["load_before"]} for part in _PARTS}
    return before | result | {"parts": before.get("parts", earlier) | result["parts"]}


def _measure(
    weights: str, data: Path, glyphs: Path | None, threads: int, rendered: int, seed: int, only: str | None, folder: Path
) -> dict[str, Any]:
    record = RECORDS / f"{Path(weights).stem}.json"
    bundles = make_bundles(weights, folder, record, _sources(weights, data), click.echo)
    plate_format = bundles.plain.manifest.plate_format
    sets = [name for name in REAL_SETS[plate_format.name] if (data / name).is_dir()]
    result: dict[str, Any] = start_result("int8") | {"weights": Path(weights).stem, "threads": threads}
    measured = {"when": result["when"], "load_before": result["machine"]["load_before"]}
    result |= {"record_reused": bundles.reused, "parts": {part: measured for part in _PARTS if only in (part, None)}}
    if only != "accuracy":
        result["speed"] = _speed(bundles, data / sets[0], threads)
    if only == "speed":
        return result
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
    return [CalibrationSource(data / name, split=part) for name in REAL_SETS[plate_format] for part in parts]


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
