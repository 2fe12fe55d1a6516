"""Results beside each other: how many times as fast, how sure, or why they cannot be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgelpr.benchmarks.bench.bootstrap import Ratio, bootstrap_ratio, mean, percentile
from edgelpr.benchmarks.bench.comparable import GUARDED, Difference, Side, differences
from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.bench.run import Run
from edgelpr.errors import DataError, UsageError


@dataclass(frozen=True)
class Compared:
    """One run of the second result against the same of the first."""

    first: Run
    """What is compared with."""

    second: Run
    """What is compared."""

    ratios: Mapping[str, Ratio]
    """By the name of the figure: ``median``, ``p90``, ``throughput``; how many times as fast the second is."""

    differences: tuple[Difference, ...]
    """What is not the same: what the comparison is about, and what was let through."""

    def slower_than(self, least: float) -> tuple[str, ...]:
        """Figures whose whole interval lies below a ratio."""
        return tuple(name for name, ratio in self.ratios.items() if ratio.high < least)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        run = self.second
        return {
            "scenario": run.scenario,
            "scope": run.scope,
            "batch": run.batch,
            "models": [self.first.model.name, run.model.name],
            "differences": [asdict(each) for each in self.differences],
            "ratios": {name: asdict(ratio) for name, ratio in self.ratios.items()},
        }


@dataclass(frozen=True)
class Comparison:
    """The second result against the first."""

    compared: tuple[Compared, ...]
    """Runs that both have."""

    only_first: tuple[str, ...]
    """Runs that the second lacks, by name."""

    only_second: tuple[str, ...]
    """Runs that the first lacks, by name."""


def compare_results(
    first: BenchResult, second: BenchResult, across: Collection[str] = (), names: tuple[str, str] = ("the first", "the second")
) -> Comparison:
    """Compare every run that both results have.

    Runs belong together by scenario, scope and batch; where a result has several such, by model, backend, precision and threads
    as well. Two results of one run each are compared whatever differs, if ``across`` lets it through.

    Args:
        first: what is compared with.
        second: what is compared.
        across: differences to let through, of ``GUARDED``.
        names: of the results, for messages.

    Raises:
        UsageError: ``across`` names something else.
        DataError: they are not comparable; the message says what differs.
    """
    unknown = sorted(set(across) - set(GUARDED))
    if unknown:
        raise UsageError(f"--across {', '.join(unknown)} is unknown; choose of {', '.join(GUARDED)}")
    for result, name in zip((first, second), names):
        if not result.runs:
            raise DataError(f"{name}: holds no run, so there is nothing to compare; measure again")
    pairs, only_first, only_second = _pairs(first, second)
    if not pairs:
        raise DataError(f"not comparable: {names[0]} has {'; '.join(only_first)}; {names[1]} has {'; '.join(only_second)}")
    return Comparison(tuple(_compared(one, other, across) for one, other in pairs), only_first, only_second)


def describe_run(run: Run) -> str:
    """A run by its name: ``single-stream, end to end, batch 1, plates``."""
    return f"{run.scenario}, {run.scope}, batch {run.batch}, {run.model.name}"


def _compared(first: Side, second: Side, across: Collection[str]) -> Compared:
    found = differences(first, second)
    refused = [each for each in found if not each.subject and each.field not in across]
    if refused:
        reasons, fields = "; ".join(each.text for each in refused), " ".join(f"--across {each.field}" for each in refused)
        raise DataError(
            f"not comparable: {reasons} ({describe_run(second.run)}). Measure both alike; or, where this difference is what "
            f"you want to see, add {fields}"
        )
    return Compared(first.run, second.run, _ratios(first.run, second.run), found)


def _ratios(first: Run, second: Run) -> dict[str, Ratio]:
    """Of the figures that both support. Throughput is that of all samples, so its ratio is that of means a plate."""
    one, other = first.samples_ns, second.samples_ns
    found = {"median": bootstrap_ratio(one, other, percentile(50))}
    if first.summary.p90_ms is not None and second.summary.p90_ms is not None:
        found["p90"] = bootstrap_ratio(one, other, percentile(90))
    found["throughput"] = bootstrap_ratio(one, other, mean)
    scale = (second.plates / len(other)) / (first.plates / len(one))
    return {name: ratio.scaled(scale) for name, ratio in found.items()}


def _pairs(first: BenchResult, second: BenchResult) -> tuple[list[tuple[Side, Side]], tuple[str, ...], tuple[str, ...]]:
    if len(first.runs) == len(second.runs) == 1:
        return [(Side(first, first.runs[0]), Side(second, second.runs[0]))], (), ()
    keys = _short_key if _unique(first.runs, second.runs) else _long_key
    ours, theirs = ({keys(run): run for run in result.runs} for result in (first, second))
    pairs = [(Side(first, run), Side(second, theirs[key])) for key, run in ours.items() if key in theirs]
    only_first = tuple(describe_run(run) for key, run in ours.items() if key not in theirs)
    return pairs, only_first, tuple(describe_run(run) for key, run in theirs.items() if key not in ours)


def _unique(*runs: Sequence[Run]) -> bool:
    return all(max(Counter(map(_short_key, each)).values()) == 1 for each in runs)


def _short_key(run: Run) -> tuple[Any, ...]:
    return run.scenario, run.scope, run.batch


def _long_key(run: Run) -> tuple[Any, ...]:
    return (*_short_key(run), run.model.name, run.backend, run.precision, run.threads)
