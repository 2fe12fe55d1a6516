"""How far what a graph reads is from what fp32 reads on the same crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgelpr.calibration.running import Readings


@dataclass(frozen=True)
class Difference:
    """Of the readings of some crops from fp32's."""

    crops: int
    """How many were compared."""

    changed: int
    """Plates that were read otherwise."""

    mean_shift: float
    """Mean over all characters of how far the probability of fp32's winner moved, 0 to 1; not a number where one is not."""

    largest_shift: float
    """The largest of them."""


def difference(reference: Readings, found: Readings) -> Difference:
    """Compare readings of the same crops.

    Where another class wins, that class's probability leaves fp32's winner at most the rest, and the rest is what counts.
    """
    left = np.where(found.classes == reference.classes, found.probabilities, 1 - found.probabilities)
    shifts = np.abs(left.astype(np.float64) - reference.probabilities)
    changed = sum(ours != theirs for ours, theirs in zip(found.plates, reference.plates, strict=True))
    return Difference(len(reference.plates), changed, float(shifts.mean()), float(shifts.max()))
