"""How much each layer costs, measured on real plates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx

from edgelpr.benchmarks.bisecting.costs import Cost
from edgelpr.benchmarks.bisecting.layers import Layer
from edgelpr.benchmarks.bisecting.variants import Variants
from edgelpr.training.scores import Progress

Measure = Callable[[onnx.ModelProto], Cost]
"""What a graph costs on the plates at hand."""


@dataclass(frozen=True)
class Sensitivity:
    """One layer or group."""

    layer: Layer
    """Which."""

    alone: Cost
    """Of the graph that reduces this one only."""

    without: Cost
    """Of the graph that reduces all but this one."""

    gain: float
    """Mean shift of probability that keeping this one takes away from the graph that reduces all, -1 to 1.

    Where two neighbours spoil one tensor between them, keeping either gains nothing: what each costs alone shows them.
    """


def measure_sensitivities(
    layers: Sequence[Layer], variants: Variants, measure: Measure, progress: Progress
) -> tuple[Sensitivity, ...]:
    """Reduce each layer alone, and all but it.

    Args:
        layers: all that can be kept, each node in one of them.
        variants: the graphs.
        measure: what one costs.
        progress: called after each graph.
    """
    total, found = 1 + 2 * len(layers), []
    reduced = measure(variants.build(()))
    progress(1, total)
    for number, layer in enumerate(layers, 1):
        alone = measure(variants.build([node for node in variants.nodes if node not in layer.nodes]))
        progress(2 * number, total)
        without = measure(variants.build(layer.nodes))
        progress(2 * number + 1, total)
        found.append(Sensitivity(layer, alone, without, reduced.shift - without.shift))
    return tuple(found)


def rankings(sensitivities: Sequence[Sensitivity]) -> tuple[tuple[Layer, ...], ...]:
    """Two orders in which layers may be kept, the most promising first: by what keeping each gains, and by what it costs
    alone."""
    by_gain = sorted(sensitivities, key=lambda each: -each.gain)
    by_cost = sorted(sensitivities, key=lambda each: -each.alone.shift)
    return tuple(tuple(each.layer for each in order) for order in (by_gain, by_cost))
