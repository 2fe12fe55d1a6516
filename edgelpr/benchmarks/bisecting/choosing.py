"""Which layers to keep: the search on groups, then on their single nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgelpr.benchmarks.bisecting.costs import Cost
from edgelpr.benchmarks.bisecting.layers import Layer
from edgelpr.benchmarks.bisecting.searching import fewest_passing, thin_out
from edgelpr.benchmarks.bisecting.sensitivity import Measure
from edgelpr.benchmarks.bisecting.variants import Variants

Say = Callable[[str], None]
"""Takes one line about what is being done."""


class Chooser:
    """Tries sets of nodes, each once.

    Args:
        variants: the graphs.
        measure: what one costs on all plates.
        max_loss: percentage points that may be lost.
        say: told what each set costs.
    """

    def __init__(self, variants: Variants, measure: Measure, max_loss: float, say: Say) -> None:
        self._variants, self._measure, self._max_loss, self._say = variants, measure, max_loss, say
        self._known: dict[frozenset[str], Cost] = {}

    def choose(self, orders: Sequence[Sequence[Layer]], single: Sequence[Layer]) -> tuple[str, ...] | None:
        """Nodes with weights to keep, in the order of the graph; None when not even keeping all of them is enough.

        The smallest set that one of the orders leads to; of two equally small ones that with less work in it.

        Args:
            orders: layers or groups, the most promising first.
            single: a layer for every node.
        """
        found = [self._minimal(order, single) for order in orders]
        sets = [kept for kept in found if kept is not None]
        if not sets:
            return None
        least = min(sets, key=lambda kept: (len(kept), sum(layer.multiply_adds for layer in kept)))
        nodes = _nodes(least)
        return tuple(node for node in self._variants.nodes if node in nodes)

    def _minimal(self, order: Sequence[Layer], single: Sequence[Layer]) -> tuple[Layer, ...] | None:
        kept = fewest_passing(order, self._passes)
        if kept is None or all(len(layer.nodes) == 1 for layer in kept):
            return kept
        # From the end are left out first: those whose work INT8 speeds up most.
        nodes = _nodes(kept)
        members = sorted((layer for layer in single if layer.nodes[0] in nodes), key=lambda layer: layer.multiply_adds)
        return thin_out(members, self._passes)

    def _passes(self, layers: Sequence[Layer]) -> bool:
        return self.cost(_nodes(layers)).passes(self._max_loss)

    def cost(self, kept: frozenset[str]) -> Cost:
        """Of the graph that keeps these nodes with weights."""
        if kept not in self._known:
            cost = self._measure(self._variants.build(kept))
            self._known[kept] = cost
            verdict = "passes" if cost.passes(self._max_loss) else "fails"
            self._say(f"  keeping {len(kept)} of {len(self._variants.nodes)}: {cost.net_loss} plates lost, {verdict}")
        return self._known[kept]


def _nodes(layers: Sequence[Layer]) -> frozenset[str]:
    return frozenset(node for layer in layers for node in layer.nodes)
