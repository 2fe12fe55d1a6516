"""How sure a share of a sample is."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson_interval(successes: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion; it stays within 0 to 1 and holds for small samples.

    Args:
        successes: how many succeeded, 0 to ``total``.
        total: size of the sample, at least 1.
        confidence: probability that such an interval holds the true share, between 0 and 1.

    Returns:
        Lower and upper end, 0 to 1.

    Raises:
        ValueError: an argument outside its range.
    """
    if total < 1 or not 0 <= successes <= total or not 0 < confidence < 1:
        found = f"found {successes}, {total}, {confidence}"
        raise ValueError(f"expected 0 <= successes <= total, total >= 1 and 0 < confidence < 1; {found}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = successes / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z * sqrt((share * (1 - share) + spread / 4) / total) / (1 + spread)
    lower = 0.0 if successes == 0 else max(0.0, centre - half)  # rounding must not leave a trace of the exact ends
    upper = 1.0 if successes == total else min(1.0, centre + half)
    return lower, upper
