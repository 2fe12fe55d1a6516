"""Comparing two readers of the same plates: what only one of them reads right is all that tells them apart."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

_HALVINGS = 60


@dataclass(frozen=True)
class PairedCounts:
    """Plates by who read them right.

    Raises:
        ValueError: a negative count, or no plate.
    """

    both: int
    """Right by both."""

    only_first: int
    """Right by the first alone."""

    only_second: int
    """Right by the second alone."""

    neither: int
    """Wrong by both."""

    def __post_init__(self) -> None:
        if min(self.both, self.only_first, self.only_second, self.neither) < 0 or self.plates < 1:
            raise ValueError(f"expected counts of at least 0 and at least one plate; found {self}")

    @property
    def plates(self) -> int:
        """All plates."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float:
        """Accuracy of the second minus that of the first, -1 to 1."""
        return (self.only_second - self.only_first) / self.plates


@dataclass(frozen=True)
class McNemar:
    """Probability of a difference at least this large between two readers that are equally good."""

    exact: float
    """Two-sided binomial test on the discordant plates; never errs more often than it says."""

    mid: float
    """The mid-p variant: less cautious, close to its nominal level."""


def mcnemar(counts: PairedCounts) -> McNemar:
    """McNemar's test in its exact conditional and its mid-p form; 1 where no plate tells the two apart.

    Source: McNemar, Psychometrika 12 (1947); Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91 (2013),
    "The McNemar mid-p test".
    """
    fewer, discordant = min(counts.only_first, counts.only_second), counts.only_first + counts.only_second
    if discordant == 0:
        return McNemar(1.0, 1.0)
    halves = 2**discordant
    exact = min(1.0, 2 * sum(comb(discordant, k) for k in range(fewer + 1)) / halves)
    point = comb(discordant, fewer) / halves
    # Where both sides weigh the same, the two tails overlap in that one point.
    return McNemar(exact, 1 - point / 2 if 2 * fewer == discordant else exact - point)


def tango_interval(counts: PairedCounts, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a difference between paired proportions; it stays within -1 to 1 and holds for small samples.

    It holds the differences that McNemar's score test does not reject, so it keeps a width even where no plate tells
    the two apart. Source: Tango, Statistics in Medicine 17 (1998), 891-908, "Equivalence test and confidence interval for
    the difference in proportions for the paired-sample design".

    Args:
        counts: plates by who read them right.
        confidence: probability that such an interval holds the true difference, between 0 and 1.

    Returns:
        Lower and upper end of the second's accuracy minus the first's, -1 to 1.

    Raises:
        ValueError: a confidence outside its range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"expected 0 < confidence < 1; found {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    found = counts.difference
    lower = -1.0 if found == -1 else _crossing(counts, z, -1.0, found)
    upper = 1.0 if found == 1 else _crossing(counts, -z, found, 1.0)
    return lower, upper


def _crossing(counts: PairedCounts, level: float, low: float, high: float) -> float:
    """Where the statistic, which falls as the assumed difference grows, crosses a level between two differences."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _score(counts, middle) > level else (low, middle)
    return (low + high) / 2


def _score(counts: PairedCounts, difference: float) -> float:
    """Tango's statistic for an assumed true difference, -1 to 1, both ends excluded."""
    total, gained, lost = counts.plates, counts.only_second, counts.only_first
    slack = difference * (1 - difference)
    linear = (2 * total - gained + lost) * difference - gained - lost
    # The likeliest share of plates that only the first reads right, if the difference is as assumed.
    share = (sqrt(max(0.0, linear * linear + 8 * total * lost * slack)) - linear) / (4 * total)
    variance = total * (2 * share + slack)
    return (gained - lost - total * difference) / sqrt(variance) if variance > 0 else 0.0
