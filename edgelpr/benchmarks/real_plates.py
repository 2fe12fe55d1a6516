"""Weights measured on real plates: exported, read with ONNX Runtime, and held against labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgelpr.benchmarks.exporting import export_weights
from edgelpr.data.labelled import LabelledCrop
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.weights import resolve_checkpoint
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.patterns import Pattern
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.training.comparing import Comparison, compare_readings
from edgelpr.training.evaluation import evaluate
from edgelpr.training.readings import readings_of
from edgelpr.training.scores import Evaluation

REAL_SETS = {"cn": ("ccpd", "easypr"), "latin": ("eu", "br"), "aolp": ("aolp-samples",)}
"""Sets of real plates by the plate format that spells them."""


@dataclass(frozen=True)
class Measured:
    """One checkpoint on one set of plates."""

    weights: str
    """Name of the weights, or of the checkpoint's file without its suffix."""

    data: str
    """Name of the set."""

    part: str
    """Which part of it."""

    evaluation: Evaluation
    """What was measured."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a result: what ``edgelpr eval --json`` gives, and which plates it got wrong."""
        wrong = [{"image": s.crop.path.name, "plate": s.crop.plate, "read": s.read} for s in self.evaluation.failures]
        where = {"weights": self.weights, "data": self.data, "part": self.part, "correct": self.evaluation.correct}
        return where | self.evaluation.to_dict() | {"wrong": wrong}


def plate_format_of(weights: str) -> PlateFormat:
    """What weights can spell, by name or path.

    Raises:
        CheckpointError: there are none of that name, or they cannot be used.
    """
    return load_checkpoint(resolve_checkpoint(weights)).plate_format


def measure(
    weights: str, labelled: Sequence[LabelledCrop], threads: int | None = None, pattern: Pattern | None = None
) -> Evaluation:
    """Export weights to a temporary bundle and read plates with it, fp32, ONNX Runtime.

    Args:
        weights: name or path of a checkpoint.
        labelled: the plates.
        threads: processor threads; by default the engine's choice.
        pattern: masked into the graph; off by default.

    Raises:
        EdgelprError: whatever the export, the pattern or the reading refuses.
    """
    with TemporaryDirectory(prefix="edgelpr-real-plates-") as folder:
        bundle = export_weights(weights, Path(folder) / "measured.elpr", pattern=pattern)
        with Recognizer.open(bundle, threads=threads) as recognizer:
            return evaluate(recognizer, labelled, plate_format=bundle.manifest.plate_format)


def compare_pairs(measured: Sequence[Measured]) -> tuple[tuple[str, Comparison], ...]:
    """Every two weights that read the same set, compared plate by plate.

    Returns:
        Name of the set and the comparison; the first is the one that was named first.
    """
    return tuple(
        (one.data, compare_readings(readings_of(one.evaluation), readings_of(other.evaluation), (one.weights, other.weights)))
        for one, other in combinations(measured, 2)
        if (one.data, one.part) == (other.data, other.part)
    )
