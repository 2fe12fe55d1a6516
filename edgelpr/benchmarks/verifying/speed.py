"""Time a plate, each precision in turn, so that all meet the same machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

from edgelpr.benchmarks.summary import Summary, summarize
from edgelpr.benchmarks.timing import time_alternating
from edgelpr.calibration.sampling import spread_indices
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import ImageError
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.runtime.tracks.recognizer import TrackRecognizer

SECONDS = 2.0
"""Spent on each precision, unless told otherwise."""

_BLOCK, _SETTLE = 25, 0.1
_LEAST_BLOCKS = 3  # 75 samples: a p90 needs 64
_TRIED = 3
CROPS = 32
"""Crops, or tracks, that the time is taken with, at most."""


def time_recognizers(
    recognizers: Mapping[str, Recognizer | TrackRecognizer], crops: Sequence[Image] | Sequence[list[Image]], seconds: float
) -> dict[str, Summary]:
    """Time from decoded crop, or decoded frames, to text, batch 1, one plate after the other.

    Args:
        recognizers: by name; each is warmed up here.
        crops: (H, W) or (H, W, 3) BGR, uint8, at least one, or the frames of as many tracks; they rotate.
        seconds: about what each recogniser may take, calls without the clock included; 75 plates are timed at least.
    """
    once = sum(_seconds_a_call(recognizer, crops[0]) for recognizer in recognizers.values())
    round_of_blocks = _SETTLE * len(recognizers) + _BLOCK * once
    blocks = max(_LEAST_BLOCKS, round(seconds * len(recognizers) / round_of_blocks))
    calls: dict[str, Callable[[Any], object]] = {name: recognizer.read for name, recognizer in recognizers.items()}
    times = time_alternating(calls, dict.fromkeys(calls, crops), _BLOCK * blocks, _BLOCK, _SETTLE)
    return {name: summarize(taken) for name, taken in times.items()}


def crops_to_time(labelled: Sequence[LabelledCrop], rectify: bool) -> list[Image]:
    """Up to 32 of the labelled crops that can be loaded, spread evenly: of the sizes that are to be read."""
    crops = []
    for index in spread_indices(len(labelled), CROPS):
        try:
            crops.append(labelled[index].load(rectify))
        except ImageError:
            continue
    return crops


def _seconds_a_call(recognizer: Any, crop: Image | list[Image]) -> float:
    recognizer.read(crop)
    start = perf_counter()
    for _ in range(_TRIED):
        recognizer.read(crop)
    return (perf_counter() - start) / _TRIED
