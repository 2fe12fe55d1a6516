"""How accuracy grows with the number of frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.bench import Bench
from edgelpr.benchmarks.fusion.confidence import confidence_of
from edgelpr.benchmarks.fusion.outcomes import Judge, right
from edgelpr.benchmarks.fusion.readers import reliability
from edgelpr.benchmarks.fusion.reading import TrackReadings
from edgelpr.benchmarks.fusion.track_set import TrackSet


def measure_frames(bench: Bench, tracks: TrackSet) -> dict[str, Any]:
    """IQ-STAN with the first one to five frames of each track, and with the best ones by its own scores.

    Returns:
        ``first`` and ``best`` (None without the branch): for each number of frames the shares, the calibration error, and how
        much better it is than one frame less.
    """
    judge, true = Judge(tracks.clusters), tracks.classes(bench.plate_format)
    first = _curve(bench, judge, bench.first(tracks), true)
    best = bench.best(tracks)
    bench.say("one to five frames: " + ", ".join(f"{each['accuracy']:.1%}" for each in first))
    return {"set": tracks.to_dict(), "first": first, "best": None if best is None else _curve(bench, judge, best, true)}


def _curve(bench: Bench, judge: Judge, readings: list[TrackReadings], true: NDArray[np.int64]) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    before = None
    for frames, read in enumerate(readings, start=1):
        found = right(read.probabilities.argmax(-1), true)
        error = reliability(confidence_of(bench.tracks, *read), found)["expected_calibration_error"]
        point = {"frames": frames, **judge.shares(found), "expected_calibration_error": error}
        points.append(point | {"gain": None if before is None else judge.against(found, before)})
        before = found
    return points
