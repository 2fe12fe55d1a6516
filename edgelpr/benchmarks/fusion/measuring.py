"""Every part of the comparison, from its networks and tracks to plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.fusion.bench import Bench
from edgelpr.benchmarks.fusion.counting_frames import measure_frames
from edgelpr.benchmarks.fusion.frozen import FrozenTracks, folder_sha256
from edgelpr.benchmarks.fusion.mixed_plates import measure_mixed, measure_mixed_real
from edgelpr.benchmarks.fusion.readers import compare_parts, compare_readers
from edgelpr.benchmarks.fusion.real_tracks import RealTracks
from edgelpr.benchmarks.fusion.track_set import TrackSet
from edgelpr.benchmarks.real_plates import REAL_SETS
from edgelpr.data.labels import read_labels
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.data.rendering.tracks.tracks import TrackRenderer
from edgelpr.errors import DataError, UsageError
from edgelpr.training.real import load_real_set

PARTS = ("rendered", "frames", "real", "mixed")
"""In the order in which they are measured."""

Check = Callable[[TrackSet], None]
"""Raises where the frozen set is not the one of an earlier result."""


@dataclass(frozen=True)
class Plan:
    """What is read."""

    frozen: FrozenTracks
    """The rendered set."""

    real: RealTracks
    """How real crops become tracks."""

    mixed: int
    """Tracks of each kind of mixed plates."""

    glyphs: Path | None
    """Glyph images of the rendered plates; None: the letters in the package."""

    data: Path | None
    """Folder of the real sets; None: without them."""

    part: str = "test"
    """Which part of the real sets."""


def measure(bench: Bench, plan: Plan, parts: Sequence[str], check: Check) -> dict[str, Any]:
    """Measure some parts.

    Args:
        bench: the networks.
        plan: what they read.
        parts: of ``PARTS``.
        check: called with the frozen set before anything reads it.

    Raises:
        UsageError: real tracks without a folder of real sets.
        DataError: no real set of the plate format, unusable data, or whatever ``check`` finds.
    """
    if "real" in parts and plan.data is None:
        raise UsageError(
            "tracks from real crops need the folder of the real sets: --data or EDGELPR_DATA, or leave them out: --only"
        )
    renderer = make_renderer(bench, plan)
    found: dict[str, Any] = {}
    if "rendered" in parts or "frames" in parts:
        tracks = _rendered(bench, plan, renderer)
        check(tracks)
        if "rendered" in parts:
            found["rendered"] = {**compare_readers(bench, tracks), "ablation": compare_parts(bench, tracks)}
        if "frames" in parts:
            found["frames"] = measure_frames(bench, tracks)
    real = _real(bench, plan, renderer) if plan.data is not None and ("real" in parts or "mixed" in parts) else []
    if "real" in parts:
        found["real"] = {"sets": [compare_readers(bench, tracks) for tracks in real]}
    if "mixed" in parts:
        rows = [{"data": str(tracks.recipe["data"]), **row} for tracks in real for row in measure_mixed_real(bench, tracks)]
        found["mixed"] = {**measure_mixed(bench, renderer, plan.mixed), "set": _glyphs(plan, renderer), "real": rows}
    return found


def make_renderer(bench: Bench, plan: Plan) -> TrackRenderer:
    """Of the bench's plate format; quality is measured on IQ-STAN's frames."""
    sources = GlyphSources(() if plan.glyphs is None else (plan.glyphs,))
    return TrackRenderer(sources.renderer(bench.plate_format), bench.tracks.preprocessing)


def _rendered(bench: Bench, plan: Plan, renderer: TrackRenderer) -> TrackSet:
    return plan.frozen.render_all(renderer, bench.preprocessings, _glyphs(plan, renderer), bench.progress("rendering"))


def _glyphs(plan: Plan, renderer: TrackRenderer) -> dict[str, str]:
    """What tells them apart from others."""
    found = {"glyphs": renderer.description}
    return found if plan.glyphs is None else found | {"glyphs_sha256": folder_sha256(plan.glyphs)}


def _real(bench: Bench, plan: Plan, renderer: TrackRenderer) -> list[TrackSet]:
    data = plan.data or Path()
    known = REAL_SETS.get(bench.plate_format.name, ())
    names = [name for name in known if (data / name).is_dir()]
    if not names:
        wanted = ", ".join(known) or "none is known"
        raise DataError(f"{data}: no set of real plates for '{bench.plate_format.name}'; looked for {wanted}")
    sets = []
    for name in names:
        labelled = read_labels(data / name, split=plan.part)
        crops = load_real_set(labelled, bench.tracks.preprocessing.height, name, plan.part)
        sets.append(plan.real.make(renderer, crops, bench.preprocessings, bench.progress(f"tracks from {name}")))
    return sets
