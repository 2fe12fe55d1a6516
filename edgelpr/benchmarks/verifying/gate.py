"""How much a precision loses beside fp32, and how many plates it takes to tell."""

from __future__ import annotations

from math import isfinite

from edgelpr.errors import UsageError
from edgelpr.training.paired import PairedCounts, tango_interval

MAX_LOSS = 0.3
"""Percentage points of whole-plate accuracy that may be lost, unless told otherwise."""

_MOST_PLATES = 10_000_000


def check_max_loss(max_loss: float) -> None:
    """Check a gate.

    Raises:
        UsageError: no number from 0 to 100.
    """
    if not isfinite(max_loss) or not 0 <= max_loss <= 100:
        raise UsageError(f"the loss allowed is {max_loss}; expected percentage points, 0 to 100")


def loss_points(counts: PairedCounts) -> float:
    """Whole-plate accuracy of the first less that of the second, in percentage points."""
    return 100 * (counts.only_first - counts.only_second) / counts.plates


def loss_interval(counts: PairedCounts) -> tuple[float, float]:
    """Its 95 % interval (Tango), in percentage points."""
    low, high = tango_interval(counts)
    return -100 * high, -100 * low


def plates_needed(counts: PairedCounts, max_loss: float) -> int | None:
    """How many plates could exclude a loss beyond the gate, were they read in the same shares.

    Args:
        counts: of the plates there are; fp32 first, the reduced graph second.
        max_loss: percentage points allowed.

    Returns:
        About so many, or None where the loss found is so near the gate that ten million would not do.
    """
    few, enough = 0, counts.plates
    while loss_interval(_scaled(counts, enough))[1] > max_loss:
        few, enough = enough, 2 * enough
        if enough > _MOST_PLATES:
            return None
    while enough - few > max(1, few // 100):
        middle = (few + enough) // 2
        few, enough = (few, middle) if loss_interval(_scaled(counts, middle))[1] <= max_loss else (middle, enough)
    return enough


def _scaled(counts: PairedCounts, plates: int) -> PairedCounts:
    lost, gained, neither = (
        round(number * plates / counts.plates) for number in (counts.only_first, counts.only_second, counts.neither)
    )
    return PairedCounts(max(0, plates - lost - gained - neither), lost, gained, neither)
