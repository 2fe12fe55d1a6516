"""What the exact rewrites gain: the plain export against the rewritten one, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from edgelpr.benchmarks.latency import open_session
from edgelpr.benchmarks.summary import Summary, summarize
from edgelpr.benchmarks.timing import time_alternating
from edgelpr.export.exporting import export_bundle
from edgelpr.export.options import ExportOptions
from edgelpr.models.hpa import create
from edgelpr.plates.loading import load_plate_format
from edgelpr.preprocessing.crop import scale
from edgelpr.preprocessing.images import Image
from edgelpr.types import Rewrite

_PLAIN: tuple[Rewrite, ...] = ()
_ROTATION = 8


@dataclass(frozen=True)
class Gain:
    """Plain against rewritten, network only, for one batch size."""

    architecture: str
    """Network."""

    batch: int
    """Crops a call."""

    threads: int
    """Processor threads of ONNX Runtime."""

    multiply_adds: tuple[int, int]
    """Plain and rewritten, for one plate."""

    plain: Summary
    """Latency of a call to the plain graph."""

    rewritten: Summary
    """Latency of a call to the rewritten graph."""

    ratio: float
    """Median of plain over median of rewritten: how many times as fast."""

    samples: dict[str, list[float]]
    """Every sample, in seconds."""


def measure_gain(architecture: str, batches: tuple[int, ...], threads: int, count: int) -> tuple[Gain, ...]:
    """Export a network both ways and time both graphs in turn.

    The weights are random: they do not change the work. Plain takes scaled float planes and returns scores; rewritten
    takes bytes and returns classes, so it does strictly more inside.

    Args:
        architecture: a name of the family, for the ``aolp`` plate format.
        batches: batch sizes.
        threads: processor threads of ONNX Runtime.
        count: samples a graph and batch size.
    """
    torch.manual_seed(0)
    network = create(architecture, load_plate_format("aolp")).eval()
    height, width = network.plate_format.height_width
    crops = np.random.default_rng(0).integers(0, 256, (max(batches) * _ROTATION, height, width), dtype=np.uint8)
    with TemporaryDirectory(prefix="edgelpr-speed-") as folder:
        bundles = {}
        for name, options in (("plain", ExportOptions(rewrites=_PLAIN)), ("rewritten", ExportOptions())):
            report = export_bundle(network, Path(folder) / f"{name}.elpr", options, crops[:8], lambda line: None)
            bundles[name] = report.bundle
        files = {name: bundle.file(bundle.graph("fp32").file) for name, bundle in bundles.items()}
        runs = {name: partial(open_session(file, threads).run, None) for name, file in files.items()}
        adds = (bundles["plain"].graph("fp32").multiply_adds, bundles["rewritten"].graph("fp32").multiply_adds)
        return tuple(_gain(architecture, batch, threads, adds, runs, crops, count) for batch in batches)


def _gain(
    architecture: str, batch: int, threads: int, adds: tuple[int, int], runs: dict[str, Any], crops: Image, count: int
) -> Gain:
    groups = [crops[start : start + batch] for start in range(0, batch * _ROTATION, batch)]
    inputs: dict[str, list[dict[str, Any]]] = {
        "plain": [{"input": scale(group)} for group in groups],
        "rewritten": [{"crops": group} for group in groups],
    }
    times = time_alternating(runs, inputs, count)
    plain, rewritten = summarize(times["plain"]), summarize(times["rewritten"])
    samples = {name: taken.round(7).tolist() for name, taken in times.items()}
    return Gain(architecture, batch, threads, adds, plain, rewritten, round(plain.p50 / rewritten.p50, 3), samples)
