"""What a bisection found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgelpr.benchmarks.bisecting.costs import Cost
from edgelpr.benchmarks.bisecting.layers import Layer
from edgelpr.benchmarks.bisecting.sensitivity import Sensitivity
from edgelpr.benchmarks.bisecting.speed import Speed
from edgelpr.benchmarks.verifying.gate import loss_interval
from edgelpr.benchmarks.verifying.result import FASTER
from edgelpr.training.paired import PairedCounts
from edgelpr.types import BisectionOutcome, Precision


@dataclass(frozen=True)
class Bisection:
    """Which layers of a reduced graph cost plates, and what has to be kept in higher precision."""

    precision: Precision
    """Of the graph."""

    backend: str
    """Engine, version, device and threads."""

    file: str
    """The graph's file in the bundle."""

    outcome: BisectionOutcome
    """What came of it."""

    max_loss: float
    """Percentage points that may be lost."""

    plates: int
    """Labelled plates, those that could not be loaded included."""

    ranked_on: int
    """How many of them each layer was measured on, spread evenly."""

    before: Cost
    """Of the graph as it was in the bundle."""

    after: Cost | None
    """Of the graph that keeps what was found; None without such a set."""

    sensitivities: tuple[Sensitivity, ...]
    """One a layer or group, in the order of the graph."""

    layers: tuple[Layer, ...]
    """All nodes with weights that can be kept, one by one."""

    multiply_adds: int
    """Of the whole graph and one crop."""

    kept: tuple[str, ...] = ()
    """Names of the nodes with weights to keep; meaningful where a set was found."""

    together: tuple[str, ...] = ()
    """Names of all nodes that stay in higher precision: these, and what lies between them."""

    speed: Speed | None = None
    """What keeping them costs in time; None without a set."""

    @property
    def pays(self) -> bool:
        """Whether the graph that keeps what was found is so much faster than fp32 that using it pays.

        Of fp16 it cannot be told here: on a CPU it is never faster, and the GPU that it is for was not asked.
        """
        return self.precision == "fp16" or (self.speed is not None and self.speed.gain_after >= FASTER)

    @property
    def smallest_shown(self) -> float:
        """Percentage points that so many plates cannot tell from no loss, even if none of them is read otherwise."""
        return loss_interval(PairedCounts(self.plates, 0, 0, 0))[1]

    @property
    def kept_work(self) -> float:
        """Share of all multiply-adds that the kept layers do, 0 to 1."""
        return sum(layer.multiply_adds for layer in self.layers if layer.nodes[0] in self.kept) / self.multiply_adds

    def kept_of(self, layer: Layer) -> int:
        """How many nodes of a layer or group are kept."""
        return len(set(layer.nodes) & set(self.kept))

    def to_dict(self) -> dict[str, Any]:
        """What ``edgelpr verify --bisect --json`` promises."""
        return {
            "precision": self.precision,
            "backend": self.backend,
            "file": self.file,
            "outcome": self.outcome,
            "max_loss": self.max_loss,
            "plates": self.plates,
            "ranked_on": self.ranked_on,
            "loss_not_told_from_none": self.smallest_shown,
            "before": self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
            "kept": list(self.kept),
            "kept_with_what_lies_between": list(self.together),
            "kept_multiply_adds": self.kept_work,
            "speed": None if self.speed is None else self.speed.to_dict(),
            "pays": self.pays,
            "layers": [self._layer(each) for each in self.sensitivities],
        }

    def _layer(self, each: Sensitivity) -> dict[str, Any]:
        return {
            "layer": each.layer.name,
            "nodes": list(each.layer.nodes),
            "kept": [node for node in each.layer.nodes if node in self.kept],
            "multiply_adds": each.layer.multiply_adds / self.multiply_adds,
            "alone": each.alone.to_dict(),
            "all_but_this": each.without.to_dict(),
            "gain": each.gain,
        }
