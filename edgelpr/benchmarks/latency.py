"""From a decoded crop to text with one bundle, beside a network of LPRNet's size and the bare session call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.summary import Summary, summarize
from edgelpr.benchmarks.timing import time_alternating
from edgelpr.bundle.bundle import Bundle
from edgelpr.errors import require
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.recognizer import Recognizer


@dataclass(frozen=True)
class Latency:
    """Single stream, batch 1: the next crop starts when the last has been read."""

    architecture: str
    """Network of the bundle."""

    backend: str
    """Engine and threads."""

    end_to_end: Summary
    """Decoded crop in memory to text."""

    session: Summary
    """The bare call of the engine on a prepared crop (network only)."""

    overhead_ms: float
    """Median end to end less median of the session."""

    overhead_share: float
    """The same as a share of the session."""

    lprnet: Summary | None
    """A network of LPRNet's size end to end, decoded crop to class indices, in the same run; None when not measured."""

    ratio_to_lprnet: float | None
    """Median of LPRNet over ours: how many times as fast we are."""

    samples: dict[str, list[float]]
    """Every sample, in seconds."""


def measure_latency(path: Path, crops: list[Image], threads: int, count: int, with_lprnet: bool) -> Latency:
    """Time a bundle crop by crop.

    Args:
        path: the bundle.
        crops: (H, W, 3) BGR, uint8, several, of the sizes a detector delivers.
        threads: processor threads.
        count: samples of each thing timed.
        with_lprnet: whether a network of LPRNet's size runs in turn with it; needs torch.
    """
    bundle = Bundle.open(path)
    with Recognizer.open(bundle, threads=threads) as recognizer, TemporaryDirectory(prefix="edgelpr-speed-") as folder:
        recognizer.warmup()
        prepared = [{"crops": bundle.manifest.preprocessing.apply(crop)[None]} for crop in crops]
        calls: dict[str, Callable[[Any], object]] = {
            "end_to_end": recognizer.read,
            "session": partial(open_session(bundle.file(bundle.graph("fp32").file), threads).run, None),
        }
        if with_lprnet:
            calls["lprnet"] = _lprnet(Path(folder), threads)
        inputs = {name: prepared if name == "session" else crops for name in calls}
        times = time_alternating(calls, inputs, count)
        summaries = {name: summarize(taken) for name, taken in times.items()}
        overhead = summaries["end_to_end"].p50 - summaries["session"].p50
        lprnet = summaries.get("lprnet")
        return Latency(
            architecture=bundle.manifest.architecture,
            backend=recognizer.description,
            end_to_end=summaries["end_to_end"],
            session=summaries["session"],
            overhead_ms=round(overhead, 4),
            overhead_share=round(overhead / summaries["session"].p50, 4),
            lprnet=lprnet,
            ratio_to_lprnet=None if lprnet is None else round(lprnet.p50 / summaries["end_to_end"].p50, 3),
            samples={name: taken.round(7).tolist() for name, taken in times.items()},
        )


def open_session(file: Path, threads: int) -> Any:
    """A bare session of ONNX Runtime on the CPU, with nothing of ours around it."""
    ort = require("onnxruntime", "export", "measuring")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _lprnet(folder: Path, threads: int) -> Callable[[Image], NDArray[np.int64]]:
    """LPRNet's own way from crop to classes: colour, 94x24, centred; the best class a column."""
    import torch

    from edgelpr.benchmarks.lprnet import INPUT, LprNet

    torch.manual_seed(0)
    file = folder / "lprnet.onnx"
    torch.onnx.export(LprNet().eval(), (torch.zeros(1, *INPUT),), str(file), dynamo=True, external_data=False, verbose=False)
    session = open_session(file, threads)
    name = session.get_inputs()[0].name

    def read(crop: Image) -> NDArray[np.int64]:
        small = cv2.resize(crop, (INPUT[2], INPUT[1]))
        plane = (small.astype(np.float32) - np.float32(127.5)) * np.float32(1 / 128)
        scores: NDArray[np.float32] = session.run(None, {name: np.ascontiguousarray(plane.transpose(2, 0, 1)[None])})[0]
        classes: NDArray[np.int64] = scores.argmax(axis=1)
        return classes

    return read
