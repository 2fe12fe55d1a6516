"""Results as plain values."""

from __future__ import annotations

from typing import Any

from edgelpr.benchmarks.verifying.result import PrecisionResult
from edgelpr.benchmarks.verifying.verdict import remark, reversal, verdict


def to_entry(result: PrecisionResult) -> dict[str, Any]:
    """What ``edgelpr verify --json`` promises of each precision: what ``eval`` gives, and how it compares with fp32."""
    comparison, shift = result.comparison, result.largest_confidence_shift
    counts, speed = comparison.counts, result.speed
    return result.evaluation.to_dict() | {
        "file": result.subject.graph.file,
        "tracks": result.track_origin,
        "simulated": result.subject.simulated,
        "correct": result.evaluation.correct,
        "loss_points": result.loss_points,
        "loss_interval": list(result.loss_interval),
        "max_loss": result.max_loss,
        "p_value": comparison.test.exact,
        "agreement": result.agreement,
        "largest_confidence_shift": None if shift is None else shift[0],
        "largest_confidence_shift_image": None if shift is None else str(shift[1].crop.path),
        "lost": counts.only_first,
        "gained": counts.only_second,
        "engine_failures": len(result.engine_failures),
        "discordant": [
            {"image": str(pair.image), "plate": pair.plate, "fp32": pair.first, "read": pair.second}
            for pair in comparison.discordant
        ],
        "approved": result.approved,
        "within_gate": result.within_gate,
        "ruling": None if result.ruling is None else result.ruling.reason,
        "ruled_by": None if result.ruling is None or result.ruling.by is None else result.ruling.by.data_sha256,
        "reversed": result.reverses,
        "speed_ratio": result.speed_ratio,
        "milliseconds_p50": None if speed is None else speed.p50,
        "milliseconds_p90": None if speed is None else speed.p90,
        "timed": 0 if speed is None else speed.samples,
        "runtime": result.runtime,
        "verdict": verdict(result),
        "remark": remark(result),
        "reversal": reversal(result),
    }
