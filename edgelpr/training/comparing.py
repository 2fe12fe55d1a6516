"""Two readers on the same plates, compared plate by plate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgelpr.errors import DataError
from edgelpr.training.paired import McNemar, PairedCounts, mcnemar, tango_interval
from edgelpr.training.readings import PlateReading
from edgelpr.training.statistics import wilson_interval

SIGNIFICANCE = 0.05
"""Below this probability the verdict calls a difference shown."""

_SHOWN = 3


@dataclass(frozen=True)
class Pair:
    """One plate and both readings of it."""

    image: Path
    """The image file, as the first reader names it."""

    plate: str
    """What stands on it."""

    first: str
    """What the first read."""

    second: str
    """What the second read."""


@dataclass(frozen=True)
class Comparison:
    """Two readers on the same plates."""

    names: tuple[str, str]
    """Of the first and the second, for people."""

    pairs: tuple[Pair, ...]
    """One a plate, in the order of the first, at least one."""

    paired_by: Literal["path", "file name"]
    """How the plates were found to be the same; the label has to agree in either case."""

    @property
    def counts(self) -> PairedCounts:
        """Plates by who read them right."""
        found = Counter((pair.first == pair.plate, pair.second == pair.plate) for pair in self.pairs)
        return PairedCounts(found[True, True], found[True, False], found[False, True], found[False, False])

    @property
    def discordant(self) -> tuple[Pair, ...]:
        """The plates that only one of them read right."""
        return tuple(pair for pair in self.pairs if (pair.first == pair.plate) != (pair.second == pair.plate))

    @property
    def difference_interval(self) -> tuple[float, float]:
        """95 % interval (Tango) of the second's accuracy minus the first's."""
        return tango_interval(self.counts)

    @property
    def test(self) -> McNemar:
        """McNemar's test that both are equally good."""
        return mcnemar(self.counts)

    @property
    def verdict(self) -> str:
        """What the figures allow to say, in a sentence."""
        counts, chance = self.counts, self.test.exact
        low, high = self.difference_interval
        test, interval = f"exact McNemar test: {_p(chance)}", f"95 % interval {100 * low:+.1f} to {100 * high:+.1f} points"
        if counts.only_first + counts.only_second == 0:
            return f"no difference: no plate was read right by one alone; {interval}"
        better = self.names[int(counts.difference > 0)]
        shown, leaves_out_0 = chance < SIGNIFICANCE, low > 0 or high < 0
        if shown != leaves_out_0:  # the exact test is the more cautious; near the limit they may disagree
            says = "shows a difference" if shown else "shows no difference"
            holds = "leaves 0 out" if leaves_out_0 else "holds 0"
            return f"undecided: the test {says} ({test}), yet the {interval} {holds}; if one is better it is {better}"
        if shown:
            return f"{better} reads more plates right; {test}; {interval}"
        return f"no difference shown; {test}; {interval}"

    def to_dict(self) -> dict[str, Any]:
        """What ``edgelpr compare --json`` promises."""
        counts = self.counts
        right = (counts.both + counts.only_first, counts.both + counts.only_second)
        first, second = ({"name": name, **_accuracy(each, counts.plates)} for name, each in zip(self.names, right))
        return {
            "plates": counts.plates,
            "first": first,
            "second": second,
            "both_right": counts.both,
            "only_first_right": counts.only_first,
            "only_second_right": counts.only_second,
            "neither_right": counts.neither,
            "difference": counts.difference,
            "difference_interval": list(self.difference_interval),
            "p_value": self.test.exact,
            "p_value_mid": self.test.mid,
            "verdict": self.verdict,
            "paired_by": self.paired_by,
            "discordant": [vars(pair) | {"image": str(pair.image)} for pair in self.discordant],
        }


def compare_readings(
    first: Sequence[PlateReading], second: Sequence[PlateReading], names: tuple[str, str] = ("the first", "the second")
) -> Comparison:
    """Pair two readers' plates by their image, or by its file name where the folders differ.

    Raises:
        DataError: not the same plates with the same labels; the message says what differs.
    """
    by_path = [{str(reading.image): reading for reading in side} for side in (first, second)]
    by_name = [{reading.image.name: reading for reading in side} for side in (first, second)]
    unique = all(len(keyed) == len(side) for keyed, side in zip(by_name, (first, second)))
    names_agree = unique and by_name[0].keys() == by_name[1].keys()
    by_file_name = by_path[0].keys() != by_path[1].keys() and names_agree
    one, other = by_name if by_file_name else by_path
    differing = _differences(one, other, names)
    if differing:
        raise DataError("these are not the same plates, so they cannot be compared in pairs:\n  " + "\n  ".join(differing))
    pairs = tuple(Pair(each.image, each.plate, each.read, other[key].read) for key, each in one.items())
    return Comparison(names, pairs, "file name" if by_file_name else "path")


def _differences(one: Mapping[str, PlateReading], other: Mapping[str, PlateReading], names: tuple[str, str]) -> list[str]:
    lines = []
    for here, there, name, lacking in ((one, other, names[0], names[1]), (other, one, names[1], names[0])):
        missing = [key for key in here if key not in there]
        if missing:
            lines.append(f"{lacking} lacks {len(missing)} of the {len(here)} plates of {name}: {_some(missing)}")
    changed = [key for key in one if key in other and one[key].plate != other[key].plate]
    if changed:
        labels = [f"{key} is '{one[key].plate}' in one and '{other[key].plate}' in the other" for key in changed]
        lines.append(f"{len(changed)} labels differ: {_some(labels)}")
    return lines


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_SHOWN]) + (", ..." if len(texts) > _SHOWN else "")


def _accuracy(right: int, plates: int) -> dict[str, Any]:
    interval = list(wilson_interval(right, plates))
    return {"correct": right, "plate_accuracy": right / plates, "plate_accuracy_interval": interval}


def _p(chance: float) -> str:
    return "p < 0.0001" if chance < 1e-4 else f"p = {chance:.2g}"
