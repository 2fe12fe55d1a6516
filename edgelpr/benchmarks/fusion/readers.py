"""IQ-STAN against fused readings of single frames, on one set of tracks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.bench import Bench
from edgelpr.benchmarks.fusion.confidence import confidence_of
from edgelpr.benchmarks.fusion.correlating import correlate
from edgelpr.benchmarks.fusion.networks import Named
from edgelpr.benchmarks.fusion.outcomes import Judge, Right, right
from edgelpr.benchmarks.fusion.rules import RULES, Readings, Rule
from edgelpr.benchmarks.fusion.track_set import TrackSet
from edgelpr.models.iq_stan import FRAMES
from edgelpr.training.reliability import measure_reliability


def compare_readers(bench: Bench, tracks: TrackSet) -> dict[str, Any]:
    """All readers with all rules, the quality of IQ-STAN's scores and of its confidence.

    Args:
        bench: the networks.
        tracks: with the pictures of all of them.
    """
    judge, true = Judge(tracks.clusters), tracks.classes(bench.plate_format)
    together = bench.together(bench.tracks, tracks)
    whole, quality = right(together["five"].argmax(-1), true), together.get("quality")
    bench.say(f"{bench.tracks.name}: {whole.whole.mean():.1%} of {len(tracks)} plates")
    network = {**bench.tracks.to_dict(), "multiply_adds": bench.tracks.multiply_adds, **judge.shares(whole)}
    singles = [_single(bench, named, tracks, judge, whole, quality) for named in (*bench.singles, bench.tracks)]
    return {
        "set": tracks.to_dict(),
        "network": network,
        "singles": singles,
        "quality": None if quality is None else correlate(quality, tracks.quality, tracks.clusters),
        "reliability": reliability(confidence_of(bench.tracks, together["five"], together["five likeness"]), whole),
    }


def compare_parts(bench: Bench, tracks: TrackSet) -> list[dict[str, Any]]:
    """IQ-STAN against itself without some of its parts (the paper's tables 1 and 2)."""
    judge, true = Judge(tracks.clusters), tracks.classes(bench.plate_format)
    whole = right(bench.together(bench.tracks, tracks)["five"].argmax(-1), true)
    rows = []
    for named in bench.ablations:
        found = bench.together(named, tracks)
        read, quality = right(found["five"].argmax(-1), true), found.get("quality")
        bench.say(f"{named.name}: {read.whole.mean():.1%}")
        rows.append(
            named.to_dict()
            | {"multiply_adds": named.multiply_adds, **judge.shares(read), "against": judge.against(whole, read)}
            | {"quality": None if quality is None else correlate(quality, tracks.quality, tracks.clusters)}
        )
    return rows


def reliability(confidence: NDArray[np.float64], found: Right) -> dict[str, Any]:
    """Whether a confidence means what it says.

    Args:
        confidence: (N,) 0 to 1.
        found: what was right.
    """
    measured = measure_reliability(confidence.tolist(), (found.whole == 1).tolist())
    bins = [
        {"plates": each.plates, "confidence": each.confidence, "accuracy": each.accuracy, "interval": list(each.interval)}
        for each in measured.bins
    ]
    return {
        "expected_calibration_error": measured.expected_calibration_error,
        "adaptive_calibration_error": measured.adaptive_calibration_error,
        "brier_score": measured.brier_score,
        "mean_confidence": float(confidence.mean()),
        "bins": bins,
    }


def _single(
    bench: Bench, named: Named, tracks: TrackSet, judge: Judge, whole: Right, quality: NDArray[np.float32] | None
) -> dict[str, Any]:
    """One network with every rule it can be fused by."""
    readings = Readings(bench.alone(named, tracks), tracks.quality, quality)
    true = tracks.classes(bench.plate_format)
    rules = []
    for rule in RULES:
        if rule.needs == "score" and quality is None:
            continue
        found = right(rule.fuse(readings), true)
        cost = _multiply_adds(bench, named, rule)
        rules.append({"rule": rule.name, "multiply_adds": cost, **judge.shares(found), "against": judge.against(whole, found)})
    best = best_rule(rules)
    bench.say(f"{named.name}, one frame at a time: best by {best['rule']}, {best['accuracy']:.1%}")
    return {**named.to_dict(), "own": named is bench.tracks, "rules": rules}


def best_rule(rules: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rule with most plates right, of those that know nothing but their frames and the scores."""
    oracles = {rule.name for rule in RULES if rule.needs == "label"}
    return max((rule for rule in rules if rule["rule"] not in oracles), key=lambda rule: rule["accuracy"])


def _multiply_adds(bench: Bench, named: Named, rule: Rule) -> int:
    scoring = bench.tracks.multiply_adds if rule.needs == "score" else 0
    return (rule.reads or FRAMES) * named.multiply_adds + scoring
