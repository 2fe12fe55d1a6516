"""What fp16 and INT8 cost the shipped weights in plates, and what they gain in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.exporting import export_weights
from edgelpr.benchmarks.summary import Summary, summarize
from edgelpr.benchmarks.timing import time_alternating
from edgelpr.benchmarks.verifying.entries import to_entry
from edgelpr.benchmarks.verifying.verifying import Plan, verify
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.calibrating import calibrate, reuse_record
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.calibration.record import CalibrationRecord
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.rendering.capture import capture
from edgelpr.data.rendering.samples import Renderer, render_crops
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.data.writing import write_image
from edgelpr.errors import CalibrationError
from edgelpr.export.options import ExportOptions
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.recognizer import Recognizer

MIDDLING_HEIGHTS = (24.0, 90.0)
MIDDLING_WORST = 0.6
"""Plates of middling difficulty: at least 24 pixels high, taken by cameras that are not the worst third."""

_CHECKED_CROPS = 8
_LEFT_OUT = ("discordant", "largest_confidence_shift_image", "runtime")


@dataclass(frozen=True)
class Bundles:
    """One network as it was published and as it is deployed."""

    plain: Bundle
    """No rewrite, fp32."""

    reduced: Bundle
    """All rewrites; fp32, fp16 and both INT8 graphs."""

    reused: bool
    """Whether its ranges are those of the committed record."""


def make_bundles(
    weights: str, folder: Path, record: Path, images: Sequence[CalibrationSource], say: Callable[[str], None]
) -> Bundles:
    """Export and calibrate.

    Args:
        weights: name or path of a checkpoint.
        folder: where the bundles go.
        record: a calibration record; used where it is of this very graph, which other versions of PyTorch may not give.
        images: what is calibrated on otherwise.
        say: told what is being done.
    """
    name = Path(weights).stem
    plain = export_weights(weights, folder / f"{name}-plain.elpr", ExportOptions(rewrites=()))
    rewritten = export_weights(weights, folder / f"{name}-reduced.elpr")
    if record.is_file():
        try:
            known = CalibrationRecord.from_json(record.read_bytes(), str(record))
            crops = render_crops(rewritten.manifest.plate_format, _CHECKED_CROPS)
            return Bundles(plain, reuse_record(rewritten, known, (crops,), where=str(record), say=say).bundle, True)
        except CalibrationError as error:
            say(f"Calibrating anew: {error}")
    loaded = load_calibration_images(images, rewritten.manifest.preprocessing, progress=lambda done, total: None)
    return Bundles(plain, calibrate(rewritten, loaded, say=say).bundle, False)


def measure_losses(bundle: Bundle, labelled: Sequence[LabelledCrop], threads: int) -> list[dict[str, Any]]:
    """Every precision on labelled plates, the graph for TensorRT simulated; without the plates themselves."""
    plan = Plan(simulate_tensorrt=True, threads=threads, batch_size=32, seconds=None)
    results = verify(bundle, labelled, plan, lambda line: None, lambda done, total: None).results
    return [{key: value for key, value in to_entry(result).items() if key not in _LEFT_OUT} for result in results]


def measure_speed(bundles: Bundles, crops: Sequence[Image], threads: int, count: int) -> dict[str, Summary]:
    """Decoded crop to text, batch 1, taking turns: the plain export in fp32, the rewritten one in fp32, and in INT8."""
    opened = {
        "plain fp32": Recognizer.open(bundles.plain, threads=threads),
        "fp32": Recognizer.open(bundles.reduced, threads=threads),
        "int8": Recognizer.open(bundles.reduced, precision="int8", threads=threads, allow_unapproved=True),
    }
    calls = {name: recognizer.read for name, recognizer in opened.items()}
    times = time_alternating(calls, dict.fromkeys(calls, crops), count)
    for recognizer in opened.values():
        recognizer.close()
    return {name: summarize(taken) for name, taken in times.items()}


def write_middling(plate_format: PlateFormat, glyphs: GlyphSources, folder: Path, count: int, seed: int) -> list[LabelledCrop]:
    """Render plates of middling difficulty as PNG files.

    Args:
        plate_format: what stands on them.
        glyphs: what draws it.
        folder: where they go; it exists.
        count: how many.
        seed: decides every plate.
    """
    renderer = middling_renderer(plate_format, glyphs)
    plates = []
    for number in range(count):
        rendered = renderer.render(seed, number)
        plates.append(LabelledCrop(folder / f"{number:05}.png", rendered.plate))
        write_image(plates[-1].path, rendered.image)
    return plates


def middling_renderer(plate_format: PlateFormat, glyphs: GlyphSources) -> Renderer:
    """Draws plates of middling difficulty."""
    return glyphs.renderer(plate_format, MIDDLING_HEIGHTS, partial(capture, worst=MIDDLING_WORST))
