"""Figures of a run, and what is to be said beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from edgelpr.benchmarks.bench.audit import MOST_GAIN
from edgelpr.benchmarks.bench.run import CacheAudit, Figures
from edgelpr.benchmarks.summary import STEADY, percentiles

_MOST_ENQUEUE = 0.8


def figures_of(samples: Sequence[int], plates: int) -> Figures:
    """Median, percentiles and throughput.

    Args:
        samples: nanoseconds, at least one.
        plates: in all of them together.
    """
    values = np.asarray(samples, dtype=np.float64) / 1e6
    p50, p90, p99 = percentiles(values, 6)
    total, mean = float(values.sum()), float(values.mean())
    return Figures(
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        mean_ms=round(mean, 6),
        plates_per_second=round(plates / total * 1e3, 3) if total else 0.0,
        variation=round(float(values.std()) / mean, 4) if mean else 0.0,
    )


def gpu_medians(times: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """Median of each time that the device took, in milliseconds; None without any."""
    if not times:
        return None
    return {name: round(median(each[name] for each in times if name in each), 6) for name in times[0]}


def warnings_of(figures: Figures, audit: CacheAudit | None, gpu_ms: Mapping[str, float] | None) -> tuple[str, ...]:
    """What trtexec warns of, and what the cache audit found."""
    found = []
    if figures.variation > STEADY:
        found.append(
            f"samples vary by {figures.variation:.1%} (coefficient of variation; above {STEADY:.1%} the machine was not steady)"
            ": trust medians, and repeat"
        )
    if audit is not None and audit.gain > MOST_GAIN:
        found.append(
            f"one crop repeated is {audit.gain:.0%} faster than crops in rotation (at most {MOST_GAIN:.0%} is expected): "
            "caches flatter figures of repeated crops; these are of the rotation"
        )
    return (*found, *_gpu_warnings(gpu_ms or {}))


def _gpu_warnings(gpu_ms: Mapping[str, float]) -> list[str]:
    compute, enqueue = gpu_ms.get("compute"), gpu_ms.get("enqueue")
    if compute is None:
        return []
    found = []
    if enqueue is not None and enqueue > _MOST_ENQUEUE * compute:
        found.append(
            f"enqueueing takes {enqueue:.3f} ms, more than {_MOST_ENQUEUE} of the computing ({compute:.3f} ms): the processor "
            "may hold the GPU back"
        )
    copies = {name: gpu_ms[name] for name in ("copy_in", "copy_out") if name in gpu_ms}
    found += [
        f"{name} takes {time:.3f} ms, as long as the computing ({compute:.3f} ms): transfers bound the throughput"
        for name, time in copies.items()
        if time >= compute
    ]
    return found
