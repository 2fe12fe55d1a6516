"""The bisection of one reduced graph of a bundle; it changes nothing, ``keeping`` does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

import onnx

from edgelpr.benchmarks.bisecting.bisection import Bisection
from edgelpr.benchmarks.bisecting.choosing import Chooser, Say
from edgelpr.benchmarks.bisecting.costs import Cost, cost_of
from edgelpr.benchmarks.bisecting.layers import MOST_UNITS, Layer, find_layers, group_layers
from edgelpr.benchmarks.bisecting.plates import PreparedPlates
from edgelpr.benchmarks.bisecting.reading import GraphReader
from edgelpr.benchmarks.bisecting.sensitivity import Measure, measure_sensitivities, rankings
from edgelpr.benchmarks.bisecting.speed import SAMPLES, measure_speed
from edgelpr.benchmarks.bisecting.variants import Variants, fp16_variants, int8_variants
from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.building import FP16, INT8_CPU
from edgelpr.calibration.opening import open_float_graph, read_record
from edgelpr.calibration.record import CALIBRATION
from edgelpr.calibration.running import Readings
from edgelpr.errors import CalibrationError, UsageError
from edgelpr.export.counting import count_graph_multiply_adds
from edgelpr.training.scores import Progress
from edgelpr.types import Precision

RANKED_ON = 1000
"""Plates at most that each layer is measured on: the order needs fewer than the gate, and the graphs are many."""


@dataclass(frozen=True)
class Subject:
    """What is bisected and how it is read."""

    bundle: Bundle
    """Calibrated, with a graph of the precision for ONNX Runtime."""

    precision: Precision
    """fp16 or int8."""

    threads: int | None
    """CPU threads for one batch; None lets the engine choose."""

    batch_size: int
    """Crops that go through a graph at once."""

    @cached_property
    def exact(self) -> GraphReader:
        """Reads in fp32."""
        return GraphReader(self.bundle, "onnxruntime", "fp32", self.threads, self.batch_size)

    @cached_property
    def reduced(self) -> GraphReader:
        """Reads in the precision that is bisected."""
        return GraphReader(self.bundle, "onnxruntime", self.precision, self.threads, self.batch_size)

    @cached_property
    def variants(self) -> Variants:
        """Every graph that the file could be."""
        source = open_float_graph(self.bundle)
        if self.precision == "fp16":
            return fp16_variants(source.model)
        record = read_record(self.bundle)
        source.check_record(record, str(self.bundle.file(CALIBRATION)))
        return int8_variants(source.early, record, "int8-cpu")


def open_subject(bundle: Bundle, precision: Precision, backend: str, threads: int | None, batch_size: int) -> Subject:
    """Check that a graph can be bisected.

    Args:
        bundle: an opened bundle.
        precision: of the graph.
        backend: the engine that is to read it.
        threads: CPU threads for one batch; None lets the engine choose.
        batch_size: crops that go through a graph at once.

    Raises:
        UsageError: fp32, or another engine than ONNX Runtime.
        CalibrationError: the bundle was not calibrated, or its graph was made otherwise.
        BundleError: the bundle has no such graph.
    """
    if precision == "fp32":
        raise UsageError("--bisect: nothing in fp32 can be kept in higher precision; choose --precision int8 or fp16")
    if backend != "onnxruntime":
        raise UsageError(f"--bisect reads with onnxruntime, not with {backend}; choose --backend onnxruntime")
    file, made = bundle.graph(precision, backend).file, {"fp16": FP16, "int8": INT8_CPU}[precision]
    if file != made:
        raise CalibrationError(
            f"{bundle.path}: {precision} is '{file}', which 'edgelpr calibrate' did not make; expected '{made}': calibrate it"
        )
    read_record(bundle)  # what is found is written into it
    return Subject(bundle, precision, threads, batch_size)


def bisect(
    subject: Subject,
    plates: PreparedPlates,
    *,
    max_loss: float,
    grouped: bool,
    say: Say,
    progress: Progress,
    samples: int = SAMPLES,
) -> Bisection:
    """Measure each layer, then find the fewest to keep so that the loss stays within bounds.

    Args:
        subject: the graph.
        plates: labelled plates.
        max_loss: whole-plate accuracy that may be lost, in percentage points, 0 or more.
        grouped: whether layers are measured in groups even where they are few.
        say: told what is being done.
        progress: called after each graph that was measured for the table.
        samples: calls of each graph that are timed.

    Raises:
        BackendError: the engine refuses a graph or fails.
        CalibrationError: a graph that cannot be bisected.
    """
    variants = subject.variants
    single = find_layers(variants.model, variants.nodes)
    units = group_layers(single) if grouped or len(single) > MOST_UNITS else single
    few = plates.evenly(RANKED_ON)
    exact = subject.exact.read(plates)
    before = cost_of(plates, exact, subject.reduced.read(plates))
    say(f"Measuring {len(units)} {'layers' if units is single else 'groups of layers'} on {len(few.texts)} plates, each twice")
    measure_few = _measure(subject, few, exact if len(few.texts) == len(plates.texts) else subject.exact.read(few))
    sensitivities = measure_sensitivities(units, variants, measure_few, progress)
    with closing(subject.reduced.open()) as engine:
        description = engine.description
    found = Bisection(
        precision=subject.precision,
        backend=description,
        file=subject.bundle.graph(subject.precision).file,
        outcome="passes",
        max_loss=max_loss,
        plates=plates.total,
        ranked_on=len(few.texts),
        before=before,
        after=None,
        sensitivities=sensitivities,
        layers=single,
        multiply_adds=count_graph_multiply_adds(variants.model),
    )
    if before.passes(max_loss):
        return found
    say("Searching for the fewest layers to keep")
    chooser = Chooser(variants, _measure(subject, plates, exact), max_loss, say)
    return _searched(found, subject, plates, chooser, rankings(sensitivities), samples)


def _searched(
    found: Bisection,
    subject: Subject,
    plates: PreparedPlates,
    chooser: Chooser,
    orders: Sequence[Sequence[Layer]],
    samples: int,
) -> Bisection:
    kept = chooser.choose(orders, found.layers)
    if kept is None:
        return replace(found, outcome="not enough")
    after = subject.variants.build(kept)
    return replace(
        found,
        outcome="found",
        kept=kept,
        together=subject.variants.names_to_keep(kept),
        after=chooser.cost(frozenset(kept)),
        speed=measure_speed(subject.exact, subject.reduced, after, plates, samples),
    )


def _measure(subject: Subject, plates: PreparedPlates, exact: Readings) -> Measure:
    """What a graph costs on plates that fp32 reads so."""

    def measure(model: onnx.ModelProto) -> Cost:
        return cost_of(plates, exact, subject.reduced.read(plates, model))

    return measure
