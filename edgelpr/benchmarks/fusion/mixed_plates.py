"""Whether a reading tells that frames of two plates lie in one track."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.bench import Bench
from edgelpr.benchmarks.fusion.confidence import confidence_of, least_likeness
from edgelpr.benchmarks.fusion.doubting import doubt_figures
from edgelpr.benchmarks.fusion.mixing import MixedTracks
from edgelpr.benchmarks.fusion.telling import tell_apart
from edgelpr.benchmarks.fusion.track_set import TrackSet
from edgelpr.data.rendering.tracks.tracks import TrackRenderer

HARDNESSES = (0.2, 0.7)
"""Tracks that are easy to read, and those of the frozen set."""

COUNTS = (1, 2)
"""Of five frames, those of the other plate."""


def measure_mixed(
    bench: Bench, renderer: TrackRenderer, tracks: int, hardnesses: Sequence[float] = HARDNESSES
) -> dict[str, Any]:
    """The area under the ROC curve of every candidate, for easy and hard tracks, different and similar plates.

    Args:
        bench: the networks; only IQ-STAN reads.
        renderer: of tracks.
        tracks: of each kind.
        hardnesses: of the damage.
    """
    rows = []
    for hardness in hardnesses:
        plan = MixedTracks(tracks, hardness)
        own = plan.own(renderer, bench.preprocessings[:1], bench.progress("clean tracks"))
        for similar in (False, True):
            others = plan.others(renderer, bench.preprocessings[:1], similar, bench.progress("other plates"))
            about = {"hardness": hardness, "other_plate": "similar" if similar else "different"}
            rows += [about | row for row in _rows(bench, plan, own, others)]
    return {"tracks": tracks, "seed": plan.seed, "rows": rows}


def measure_mixed_real(bench: Bench, tracks: TrackSet) -> list[dict[str, Any]]:
    """The same for tracks from real crops: frames come from the track half the set further on, if its plate is another."""
    partner = np.roll(np.arange(len(tracks)), len(tracks) // 2)
    plates = np.array(tracks.plates)
    different = np.flatnonzero(plates != plates[partner])
    own, others = _some(tracks, different), _some(tracks, partner[different])
    return _rows(bench, MixedTracks(len(different)), own, others)


def _rows(bench: Bench, plan: MixedTracks, own: TrackSet, others: TrackSet) -> list[dict[str, Any]]:
    clean = _figures(bench, own)
    rows = []
    for count in COUNTS:
        found = _figures(bench, plan.mix(own, others, count))
        areas = {name: tell_apart(clean[name], found[name], own.clusters) for name in clean}
        bench.say(f"{count} of 5 frames of another plate: " + ", ".join(f"{n} {a['auroc']:.3f}" for n, a in areas.items()))
        rows.append({"frames_of_other": count, "tracks": len(own), "figures": areas})
    return rows


def _figures(bench: Bench, tracks: TrackSet) -> dict[str, NDArray[np.float64]]:
    together = bench.together(bench.tracks, tracks)
    five, likeness = together["five"], together["five likeness"]
    figures = doubt_figures(five, bench.alone(bench.tracks, tracks), together.get("quality"))
    returned = {"confidence": confidence_of(bench.tracks, five, likeness), "same-plate": least_likeness(likeness)}
    return returned | dict(figures)


def _some(tracks: TrackSet, numbers: NDArray[np.int64]) -> TrackSet:
    """Tracks by number, in that order."""
    pictures = {key: pixels[numbers] for key, pixels in tracks.pictures.items()}
    plates = tuple(tracks.plates[number] for number in numbers.tolist())
    digest = hashlib.sha256(tracks.sha256.encode() + numbers.tobytes()).hexdigest()
    chosen = replace(tracks, pictures=pictures, quality=tracks.quality[numbers], plates=plates, sha256=digest)
    return replace(chosen, clusters=tracks.clusters[numbers])
