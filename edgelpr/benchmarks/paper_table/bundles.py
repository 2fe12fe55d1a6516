"""The papers' networks as bundles, in a folder that goes when all is timed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.calibrating import calibrate
from edgelpr.calibration.images import CalibrationImages
from edgelpr.calibration.track_images import CalibrationTracks
from edgelpr.data.rendering.samples import render_crops
from edgelpr.errors import CalibrationError
from edgelpr.export.exporting import export_bundle
from edgelpr.export.options import ExportOptions
from edgelpr.models.hpa import Hpa
from edgelpr.types import Rewrite

Say = Callable[[str], None]
"""Takes one line."""

PLAIN, REWRITTEN = "plain export", "rewritten"
"""What the exports are called: without any rewrite, and with all."""

_PARITY_CROPS = 8


def export_form(source: Source, form: str, rewrites: tuple[Rewrite, ...], folder: Path, say: Say) -> Bundle:
    """Export, or open what was exported before.

    Args:
        source: of a network that reads single crops.
        form: for people.
        rewrites: of the export.
        folder: where bundles of this run are.
        say: told before what takes time.

    Raises:
        EdgelprError: the export fails.
    """
    path = folder / f"{source.architecture}-{len(rewrites)}.elpr"
    if path.is_dir():
        return Bundle.open(path)
    say(f"{source.title}: exporting, {form}")
    network: Hpa = source.make()
    crops = render_crops(network.plate_format, _PARITY_CROPS)
    return export_bundle(network, path, ExportOptions(rewrites=rewrites), crops, lambda line: None).bundle


def calibrated(
    bundle: Bundle, images: CalibrationImages | CalibrationTracks, title: str, threads: int, say: Say, remark: Say
) -> Bundle:
    """Add fp16 and INT8, with ranges from rendered plates; without them where rounding changes too many readings.

    Accuracy that is measured of them is of these graphs, not of ones that were calibrated on real plates.

    Args:
        bundle: in fp32; it is changed.
        images: rendered ones.
        title: of the network.
        threads: processor threads.
        say: told before what takes time.
        remark: told why fp32 has to do.
    """
    say(f"{title}: calibrating on rendered plates")
    try:
        return calibrate(bundle, images, method="min-max", threads=threads, say=lambda line: None).bundle
    except CalibrationError as error:  # as weights drawn at random may: they are sure of nothing
        say(f"{title}: fp16 and INT8 are left out ({error})")
        remark(f"{title}: fp16 and INT8 are left out ({error})")
        return bundle
