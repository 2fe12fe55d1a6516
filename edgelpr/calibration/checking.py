"""The last look at graphs before they go into a bundle: each is run and must read like fp32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from edgelpr.bundle.graph import Graph
from edgelpr.calibration.comparing import Difference, difference
from edgelpr.calibration.inputs import Inputs, rows_of
from edgelpr.calibration.opening import FloatGraph
from edgelpr.calibration.running import GraphRunner, Outputs
from edgelpr.calibration.sampling import spread_indices
from edgelpr.errors import CalibrationError

CHECKED = 32
"""Crops, or tracks, of a check, at most."""

FEW_CHANGED = 2
"""Readings of a check that may change without a warning (ours)."""

MOST_CHANGED = 0.4
"""Share of readings beyond which a graph counts as broken rather than coarse (ours). Of 32 hard rendered crops the shipped
INT8 graphs read 4 otherwise at most; for a CPU 16 with every range halved, and all 32 with each tensor given the range of the
next. No tighter, since verify judges what a coarse graph loses, and its search for layers to keep needs it in the bundle."""

_BATCHES = (1, 2)
_REMEDY = "Nothing was written; calibrate on other images, or please report this"


@dataclass(frozen=True)
class GraphCheck:
    """A graph that passed."""

    file: str
    """Its name inside the bundle."""

    difference: Difference
    """Of its readings from fp32's."""

    @property
    def warning(self) -> str | None:
        """What is to be said of a graph that passed and yet changes many readings; None where they are few."""
        found = self.difference
        if found.changed <= FEW_CHANGED:
            return None
        return (
            f"{self.file} reads {found.changed} of the {found.crops} that it was checked on otherwise than fp32. Perhaps they "
            "are hard, and fp32 misreads them too; 'edgelpr verify' tells on labelled plates"
        )


def check_graphs(
    source: FloatGraph,
    models: Mapping[str, onnx.ModelProto],
    graphs: Mapping[str, Graph],
    inputs: Inputs,
    threads: int | None,
) -> tuple[GraphCheck, ...]:
    """Run new graphs in ONNX Runtime at batch 1, 2 and all rows, and compare them with fp32.

    The graph for TensorRT runs with optimisations off, since ONNX Runtime's are wrong for scales in fp16.

    Args:
        source: the fp32 graph.
        models: the new graphs by file name.
        graphs: what the manifest will say about each.
        inputs: what the graph is given, N rows, at least 1; at most ``CHECKED`` of them are taken, evenly.
        threads: CPU threads; None: ONNX Runtime's default.

    Raises:
        CalibrationError: a graph does not run, takes or returns something else than fp32, returns what is not finite, or
            reads more than two fifths of the crops or tracks otherwise.
    """
    taken = rows_of(inputs, spread_indices(len(inputs[0]), CHECKED))
    plate_format = source.bundle.manifest.plate_format
    reference = GraphRunner(source.model, source.graph, plate_format, threads)
    checks = []
    for file, model in models.items():
        graph = graphs[file]
        runner = GraphRunner(model, graph, plate_format, threads, optimised=graph.made_for != "tensorrt")
        if runner.contract != reference.contract:
            raise CalibrationError(
                f"{file}: takes and returns {runner.contract}; fp32 takes and returns {reference.contract}. {_REMEDY}"
            )
        for count in dict.fromkeys((*_BATCHES, len(taken[0]))):
            few = rows_of(taken, slice(count))
            _check_outputs(file, runner.run(*few), reference.run(*few), len(few[0]))
        found = difference(reference.read(*taken), runner.read(*taken))
        if found.changed > MOST_CHANGED * found.crops:
            what = "crops" if source.graph.frames is None else "tracks"
            raise CalibrationError(f"{file}: reads {found.changed} of {found.crops} {what} otherwise than fp32. {_REMEDY}")
        checks.append(GraphCheck(file, found))
    return tuple(checks)


def _check_outputs(file: str, found: Outputs, wanted: Outputs, count: int) -> None:
    for name, values in wanted.items():
        ours = found[name]
        if (ours.dtype, ours.shape) != (values.dtype, values.shape):
            raise CalibrationError(
                f"{file}: '{name}' is {ours.dtype} {ours.shape} for a batch of {count}; "
                f"expected {values.dtype} {values.shape}. {_REMEDY}"
            )
        if not np.isfinite(ours).all():
            raise CalibrationError(f"{file}: '{name}' holds NaN or infinity on a batch of {count}. {_REMEDY}")
