"""Results beside each other: how many times as fast, how sure, or why they cannot be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgelpr.benchmarks.bench.bootstrap import Ratio
from edgelpr.benchmarks.bench.comparable import GUARDED, Difference, Side, differences
from edgelpr.benchmarks.bench.doubts import doubts
from edgelpr.benchmarks.bench.ratios import ratios_of
from edgelpr.benchmarks.bench.result import BenchResult, Failure
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

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        run = self.second
        return {
            "scenario": run.scenario,
            "scope": run.scope,
            "batch": run.batch,
            "models": [self.first.model.name, run.model.name],
            "differences": [asdict(each) for each in self.differences],
            "ratios": {name: {"value": each.value, "low": each.low, "high": each.high} for name, each in self.ratios.items()},
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

    failures: tuple[Failure, ...] = ()
    """Scenarios that did not finish in the second."""

    failures_first: tuple[Failure, ...] = ()
    """Scenarios that did not finish in the first."""

    warnings: tuple[str, ...] = ()
    """Why the ratios may not say what they seem to."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "runs": [each.to_dict() for each in self.compared],
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
            "failures": [asdict(each) for each in self.failures],
            "failures_first": [asdict(each) for each in self.failures_first],
            "warnings": list(self.warnings),
        }


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
            failed = "".join(f"; {each}" for each in result.failures)
            raise DataError(f"{name}: holds no run, so there is nothing to compare; measure again{failed}")
    pairs, only_first, only_second = _pairs(first, second)
    if not pairs:
        raise DataError(f"not comparable: {names[0]} has {'; '.join(only_first)}; {names[1]} has {'; '.join(only_second)}")
    compared = tuple(_compared(one, other, across) for one, other in pairs)
    return Comparison(compared, only_first, only_second, second.failures, first.failures, doubts(pairs, names))


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
    return Compared(first.run, second.run, ratios_of(first.run, second.run), found)


def _pairs(first: BenchResult, second: BenchResult) -> tuple[list[tuple[Side, Side]], tuple[str, ...], tuple[str, ...]]:
    if len(first.runs) == len(second.runs) == 1:
        return [(Side(first, first.runs[0]), Side(second, second.runs[0]))], (), ()
    keys = _short_key if _unique(first.runs, second.runs) else _long_key
    ours, theirs = (_by_key(result, keys) for result in (first, second))
    pairs = [(Side(first, run), Side(second, theirs[key])) for key, run in ours.items() if key in theirs]
    only_first = tuple(describe_run(run) for key, run in ours.items() if key not in theirs)
    return pairs, only_first, tuple(describe_run(run) for key, run in theirs.items() if key not in ours)


def _by_key(result: BenchResult, key: Callable[[Run], tuple[Any, ...]]) -> dict[tuple[Any, ...], Run]:
    found: dict[tuple[Any, ...], Run] = {}
    for run in result.runs:
        if key(run) in found:  # one of them would be left out, and nobody would be told
            raise DataError(f"not comparable: the result of {result.when} has two runs of {describe_run(run)}, {run.backend}")
        found[key(run)] = run
    return found


def _unique(*runs: Sequence[Run]) -> bool:
    return all(max(Counter(map(_short_key, each)).values()) == 1 for each in runs)


def _short_key(run: Run) -> tuple[Any, ...]:
    return run.scenario, run.scope, run.batch


def _long_key(run: Run) -> tuple[Any, ...]:
    return (*_short_key(run), run.model.name, run.backend, run.precision, run.threads)
