"""Comparing two readers when only their totals are at hand, not who read which plate right."""

from __future__ import annotations

from math import comb, hypot

from edgelpr.training.statistics import wilson_interval


def newcombe_interval(first: tuple[int, int], second: tuple[int, int], confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a difference between two independent proportions, made of their Wilson intervals.

    On the same plates it is wider than a paired one where both readers mostly fail on the same plates. Source: Newcombe,
    Statistics in Medicine 17 (1998), 873-890, method 10.

    Args:
        first: how many were right, and of how many.
        second: the same of the other.
        confidence: probability that such an interval holds the true difference, between 0 and 1.

    Returns:
        Lower and upper end of the second's share minus the first's, -1 to 1.

    Raises:
        ValueError: as ``wilson_interval``.
    """
    shares = [right / total for right, total in (first, second)]
    (low1, high1), (low2, high2) = (wilson_interval(right, total, confidence) for right, total in (first, second))
    difference = shares[1] - shares[0]
    return difference - hypot(shares[1] - low2, high1 - shares[0]), difference + hypot(high2 - shares[1], shares[0] - low1)


def fisher_exact(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Fisher's exact test, two-sided: the probability of tables no likelier than the one found.

    Args:
        first: how many were right, and of how many.
        second: the same of the other.

    Returns:
        0 to 1.

    Raises:
        ValueError: more right than there are, or no plate.
    """
    for right, total in (first, second):
        if total < 1 or not 0 <= right <= total:
            raise ValueError(f"expected 0 <= right <= total and total >= 1; found {right} of {total}")
    (right, total), (other_right, other_total) = first, second
    all_right, plates = right + other_right, total + other_total
    possible = range(max(0, all_right - other_total), min(total, all_right) + 1)
    # Whole numbers: equally likely tables compare as equal, which rounding would spoil.
    ways = [comb(all_right, k) * comb(plates - all_right, total - k) for k in possible]
    found = ways[right - possible[0]]
    return sum(way for way in ways if way <= found) / comb(plates, total)
