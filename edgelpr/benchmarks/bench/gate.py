"""Whether a build passes: nothing surely slower than asked, nothing missing, nothing failed, nothing that could not be told."""

from __future__ import annotations

from collections.abc import Sequence

from edgelpr.benchmarks.bench.bootstrap import TAIL
from edgelpr.benchmarks.bench.comparing import Compared, Comparison, describe_run
from edgelpr.benchmarks.bench.ratios import at_most


def gate_reasons(comparisons: Sequence[Comparison], least: float) -> tuple[tuple[str, ...], ...]:
    """Why each comparison does not pass, a sentence each; empty where it does.

    A build that is exactly ``least`` times as fast fails by chance in at most about 2.5 % of gates, however many figures they
    hold: the chance is shared among all that are tested, of all comparisons (Bonferroni). A run with too few samples to be told
    slower at that chance does not pass: a gate that cannot know must not open. Neither does a run that the second lacks, nor
    what failed in it.

    Args:
        comparisons: of every further result with the first.
        least: times as fast as the first that the second has to be, above 0.
    """
    tests = sum(len(_tested(compared)) for each in comparisons for compared in each.compared)
    return tuple(_reasons(each, least, TAIL / max(tests, 1)) for each in comparisons)


def _reasons(comparison: Comparison, least: float, tail: float) -> tuple[str, ...]:
    found = [line for each in comparison.compared for line in _slower(each, least, tail)]
    found += [f"{name}: is missing; the first result has it" for name in comparison.only_first]
    found += [str(failure) for failure in comparison.failures]
    return tuple(found)


def _slower(compared: Compared, least: float, tail: float) -> list[str]:
    found, run = [], describe_run(compared.second)
    for name in _tested(compared):
        ratio = compared.ratios[name]
        high = at_most(compared.first, compared.second, ratio, tail)
        if high is None:
            counts = [len(each.samples_ns) for each in (compared.first, compared.second)]
            found.append(
                f"{run}: {counts[0]} samples against {counts[1]} are too few to tell; measure both longer (--duration, "
                "--official), or leave this scenario out of both"
            )
        elif high < least:
            found.append(f"{run}: {name} is slower than {least:g} times ({ratio.value:.3f}, at most {high:.3f})")
    return found


def _tested(compared: Compared) -> list[str]:
    """The figures that can have an interval: of few samples the median alone."""
    return [name for name, ratio in compared.ratios.items() if ratio.high is not None or name == "median"]
