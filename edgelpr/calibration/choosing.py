"""Which method chooses the ranges: the one that loses least on images that the ranges do not come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import get_args

from edgelpr.calibration.comparing import difference
from edgelpr.calibration.images import LEAST_IMAGES, Samples, split_held_out
from edgelpr.calibration.inputs import Inputs
from edgelpr.calibration.observing import Observations
from edgelpr.calibration.opening import FloatGraph
from edgelpr.calibration.quantising import quantise
from edgelpr.calibration.ranges import ranges_of
from edgelpr.calibration.record_parts import Trial
from edgelpr.calibration.running import GraphRunner
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.types import Int8File, RangeMethod

METHODS: tuple[RangeMethod, ...] = get_args(RangeMethod)
"""Every method, in the order in which they are tried."""

HELD_OUT_SHARE, LEAST_HELD_OUT = 0.2, 16
"""How many of the images judge: a fifth, and no fewer than tell methods apart at all (ours)."""

WITHOUT_TRIALS: Mapping[Int8File, RangeMethod] = {"int8": "percentile", "int8-cpu": "min-max"}
"""Where there are too few images to try. From 32 crops each lost least on 150 others (four draws of each, hpa-nano-cn and
hpa-resnet18-cn); ours."""

LEAST_FOR_TRIALS = LEAST_IMAGES + LEAST_HELD_OUT
"""With fewer images no method is tried."""


def split_for_trials(images: Samples) -> tuple[Samples, Samples] | None:
    """Images, or tracks, to measure on and others to judge by; None: there are too few for both."""
    if len(images) < LEAST_FOR_TRIALS:
        return None
    return split_held_out(images, max(HELD_OUT_SHARE, LEAST_HELD_OUT / len(images)))


def try_methods(
    source: FloatGraph,
    observations: Observations,
    held_out: Inputs,
    *,
    threads: int | None,
    progress: Callable[[int, int], None],
) -> tuple[Trial, ...]:
    """Round the graph by every method, for both files, and read what is held out.

    What is not rounded stays fp32 here, whatever the file will hold, and the graph for TensorRT runs with ONNX Runtime's
    optimisations off: the ranges alone make the difference.

    Args:
        source: the graph.
        observations: of crops or tracks that are not held out.
        held_out: what the graph is given, N rows, at least 1.
        threads: CPU threads; None: ONNX Runtime's default.
        progress: called with how many crops or tracks have been read and how many there will be.

    Raises:
        CalibrationError: ONNX Runtime fails.
    """
    count, total = len(held_out[0]), len(held_out[0]) * (1 + len(SCHEMES) * len(METHODS))
    plate_format = source.bundle.manifest.plate_format
    reference = GraphRunner(source.model, source.graph, plate_format, threads).read(*held_out)
    progress(count, total)
    trials = []
    for number, (file, method) in enumerate(_candidates(), start=2):
        scheme = SCHEMES[file]
        model = quantise(source.early, ranges_of(observations, method, symmetric=scheme.symmetric), scheme)
        runner = GraphRunner(model, source.graph, plate_format, threads, optimised=not scheme.symmetric)
        found = difference(reference, runner.read(*held_out))
        trials.append(Trial(file, method, found.changed, found.mean_shift, found.crops))
        progress(number * count, total)
    return tuple(trials)


def best_methods(trials: Iterable[Trial]) -> dict[Int8File, RangeMethod]:
    """For each file the method with the fewest changed readings, then the smallest shift; the first where both are equal."""
    best: dict[Int8File, Trial] = {}
    for trial in trials:
        if trial.file not in best or _loss(trial) < _loss(best[trial.file]):
            best[trial.file] = trial
    return {file: trial.method for file, trial in best.items()}


def _loss(trial: Trial) -> tuple[int, float]:
    return trial.changed_readings, trial.mean_shift


def _candidates() -> Iterator[tuple[Int8File, RangeMethod]]:
    return ((file, method) for file in SCHEMES for method in METHODS)
