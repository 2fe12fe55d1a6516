"""The last look at graphs before they go into a bundle: each is run and must read like fp32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgelpr.bundle.graph import Graph
from edgelpr.calibration.comparing import Difference, difference
from edgelpr.calibration.opening import FloatGraph
from edgelpr.calibration.running import GraphRunner, Outputs
from edgelpr.calibration.sampling import spread_indices
from edgelpr.errors import CalibrationError

CHECKED = 32
"""Crops of a check, at most."""

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


def check_graphs(
    source: FloatGraph,
    models: Mapping[str, onnx.ModelProto],
    graphs: Mapping[str, Graph],
    crops: NDArray[np.uint8],
    threads: int | None,
) -> tuple[GraphCheck, ...]:
    """Run new graphs in ONNX Runtime at batch 1, 2 and all crops, and compare them with fp32.

    The graph for TensorRT runs with optimisations off, since ONNX Runtime's are wrong for scales in fp16.

    Args:
        source: the fp32 graph.
        models: the new graphs by file name.
        graphs: what the manifest will say about each.
        crops: (N, H, W) uint8, preprocessed, N at least 1; at most ``CHECKED`` of them are taken, evenly.
        threads: CPU threads; None: ONNX Runtime's default.

    Raises:
        CalibrationError: a graph does not run, takes or returns something else than fp32, returns what is not finite, or
            reads more than two fifths of the crops otherwise.
    """
    taken = crops[spread_indices(len(crops), CHECKED)]
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
        for count in dict.fromkeys((*_BATCHES, len(taken))):
            _check_outputs(file, runner.run(taken[:count]), reference.run(taken[:count]), count)
        found = difference(reference.read(taken), runner.read(taken))
        if found.changed > MOST_CHANGED * found.crops:
            raise CalibrationError(f"{file}: reads {found.changed} of {found.crops} crops otherwise than fp32. {_REMEDY}")
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
