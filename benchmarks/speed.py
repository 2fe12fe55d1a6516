"""Speed on this machine's processor: what the rewrites gain, how fast hpa-nano reads, what the recogniser adds.

    python benchmarks/speed.py                     everything, about four minutes; the result as JSON in benchmarks/results
    python benchmarks/speed.py --quick             few samples, marked as such, nothing written
    python benchmarks/speed.py --bundle X.elpr     only the latency of that bundle

Run it while nothing else runs. Compare ratios within one result; absolute times belong to the machine they name.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import click
import cv2

from edgelpr.benchmarks.machine import busy, describe_machine
from edgelpr.benchmarks.paper import HPA, MACHINE

RESULTS = Path(__file__).parent / "results"
CROPS = 32
SAMPLES = 700
QUICK = 70


@click.command()
@click.option("--bundle", type=click.Path(path_type=Path), help="Measure only this bundle; needs no torch.")
@click.option("--images", type=click.Path(path_type=Path), help="Folder of crops to read; rendered ones without it.")
@click.option("--quick", is_flag=True, help="A tenth of the samples; nothing is written.")
@click.option("--threads", type=int, default=1, show_default=True, help="Processor threads for the latency.")
@click.option("--network-threads", type=int, default=2, show_default=True, help="Processor threads for the rewrites' gain.")
@click.option("--output", type=click.Path(path_type=Path), help="Where the JSON goes.")
def main(
    bundle: Path | None, images: Path | None, quick: bool, threads: int, network_threads: int, output: Path | None
) -> None:
    """Measure and print; see the top of this file."""
    if busy():
        click.echo("Warning: something else keeps the processor busy; do not trust these times.", err=True)
    count = QUICK if quick else SAMPLES
    result: dict[str, Any] = {"when": datetime.now(timezone.utc).isoformat(timespec="seconds"), "quick": quick}
    result["machine"] = describe_machine()
    result["latency"] = _latency(bundle, images, threads, count)
    if bundle is None:
        result["rendering"] = _rendering(count)
        result["gains"] = _gains(network_threads, max(QUICK, count // 5))
    if not quick and bundle is None:
        path = output or RESULTS / _name(result)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, ensure_ascii=False) + "\n", encoding="utf-8")
        click.echo(f"Written: {path}")


def _latency(bundle: Path | None, images: Path | None, threads: int, count: int) -> dict[str, Any]:
    from edgelpr.benchmarks.latency import measure_latency

    crops = _crops(images)
    if bundle is not None:
        latency = measure_latency(bundle, crops, threads, count, with_lprnet=False)
    else:
        from edgelpr.benchmarks.exporting import export_weights

        with TemporaryDirectory(prefix="edgelpr-speed-") as folder:
            nano = export_weights("hpa-nano-cn", Path(folder) / "nano.elpr").path
            latency = measure_latency(nano, crops, threads, count, with_lprnet=True)
    end, session = latency.end_to_end, latency.session
    click.echo(f"{latency.architecture}, {latency.backend}, batch 1, single stream, {end.samples} samples")
    click.echo(f"  decoded crop to text   p50 {end.p50:.3f} ms{_high(end.p90, 90)}{_high(end.p99, 99)}")
    click.echo(f"  network only           p50 {session.p50:.3f} ms{_high(session.p90, 90)}{_high(session.p99, 99)}")
    click.echo(f"  the recogniser adds    {latency.overhead_ms:.3f} ms ({100 * latency.overhead_share:.1f} %)")
    if latency.lprnet is not None:
        click.echo(f"  LPRNet-sized network   p50 {latency.lprnet.p50:.3f} ms, {latency.ratio_to_lprnet:.2f} times as long")
    published = HPA["hpa-resnet18", "shared"].frames_per_second
    click.echo(
        f"  beside the paper: 1000 / p50 = {1000 / session.p50:.0f} plates/s, network only, on this processor; its "
        f"ResNet-18 made {published} on {MACHINE}.\n  Another network on another machine: no comparison, only an order of size."
    )
    return asdict(latency)


def _rendering(count: int) -> dict[str, float]:
    from edgelpr.data.rendering.samples import Renderer
    from edgelpr.plates.loading import load_plate_format

    cv2.setNumThreads(1)
    renderer = Renderer(load_plate_format("cn"))
    for number in range(QUICK):
        renderer.render(1, number)
    start = perf_counter()
    for number in range(count):
        renderer.render(0, number)
    speed = round(count / (perf_counter() - start), 1)
    click.echo(f"Rendering: {speed:.0f} plates/s on one core")
    return {"plates": count, "plates_per_second": speed}


def _gains(threads: int, count: int) -> list[dict[str, Any]]:
    from edgelpr.benchmarks.gain import measure_gain

    click.echo(f"Plain export against exact rewrites, ONNX Runtime float32, {threads} threads, network only")
    gains = []
    for architecture, batches in (("hpa-resnet18", (1, 16)), ("hpa-resnet101", (1, 16)), ("hpa-nano", (1, 16))):
        for gain in measure_gain(architecture, batches, threads, count):
            before, after = (value / 1e9 for value in gain.multiply_adds)
            click.echo(
                f"  {architecture:14} batch {gain.batch:2}  {gain.plain.p50:8.2f} -> {gain.rewritten.p50:8.2f} ms  "
                f"{gain.ratio:.2f} times as fast  ({before:.3f} -> {after:.3f} G multiply-adds)"
            )
            gains.append(asdict(gain))
    return gains


def _crops(images: Path | None) -> list[Any]:
    if images is not None:
        from edgelpr.data.folders import find_images
        from edgelpr.preprocessing.images import read_image

        files = list(find_images(images))
        if not files:
            sys.exit(f"Error: {images}: no image in this folder; expected crops of plates")
        return [read_image(path) for path in files[:CROPS]]

    from edgelpr.data.rendering.samples import Renderer
    from edgelpr.plates.loading import load_plate_format

    renderer = Renderer(load_plate_format("cn"))
    return [renderer.render(0, number).image for number in range(CROPS)]


def _high(value: float | None, percent: int) -> str:
    return "" if value is None else f", p{percent} {value:.3f} ms"


def _name(result: dict[str, Any]) -> str:
    machine = result["machine"]
    engine = f"onnxruntime-{machine['versions'].get('onnxruntime')}"
    parts = ("speed_fp32", engine, machine["processor"], f"{machine['cores']}-cores")
    return "_".join(re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip("-") for part in parts) + ".json"


if __name__ == "__main__":
    main()
