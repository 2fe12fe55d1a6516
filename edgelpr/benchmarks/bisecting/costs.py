"""What a graph costs on labelled plates, beside fp32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgelpr.benchmarks.bisecting.plates import PreparedPlates
from edgelpr.benchmarks.verifying.gate import loss_interval, loss_points
from edgelpr.calibration.comparing import difference
from edgelpr.calibration.running import Readings
from edgelpr.training.paired import PairedCounts

_LARGEST_SHIFT = 1.0


@dataclass(frozen=True)
class Cost:
    """A reduced graph against fp32 on the same plates."""

    counts: PairedCounts
    """Plates by who read them right: fp32 first, the reduced graph second."""

    changed: int
    """Plates read otherwise than by fp32, right or wrong."""

    shift: float
    """Mean over all characters of how far the probability of fp32's winner moved, 0 to 1."""

    broken: bool = False
    """Whether some probability was no number, as after an overflow: the runtime refuses such a graph."""

    @property
    def net_loss(self) -> int:
        """Plates that fp32 reads right and this graph does not, less those the other way round."""
        return self.counts.only_first - self.counts.only_second

    @property
    def loss_points(self) -> float:
        """The same in percentage points of all plates."""
        return loss_points(self.counts)

    @property
    def loss_interval(self) -> tuple[float, float]:
        """95 % interval (Tango) of the loss in percentage points."""
        return loss_interval(self.counts)

    def passes(self, max_loss: float) -> bool:
        """Whether the loss is within so many percentage points."""
        return not self.broken and self.loss_points <= max_loss

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "net_loss": self.net_loss,
            "loss_points": self.loss_points,
            "loss_interval": list(self.loss_interval),
            "changed": self.changed,
            "shift": self.shift,
            "broken": self.broken,
        }


def cost_of(plates: PreparedPlates, exact: Readings, reduced: Readings) -> Cost:
    """Compare.

    Args:
        plates: what stands on them.
        exact: readings by fp32.
        reduced: by the other graph.
    """
    pairs = [(one == text, other == text) for text, one, other in zip(plates.texts, exact.plates, reduced.plates)]
    counts = PairedCounts(
        pairs.count((True, True)),
        pairs.count((True, False)),
        pairs.count((False, True)),
        pairs.count((False, False)) + plates.unreadable,
    )
    found = difference(exact, reduced)
    broken = not np.isfinite(reduced.probabilities).all()
    return Cost(counts, found.changed, _LARGEST_SHIFT if broken else found.mean_shift, broken)
