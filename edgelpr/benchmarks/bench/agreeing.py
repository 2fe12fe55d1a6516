"""Whether the figures that a result states are those of its samples."""

from __future__ import annotations

from dataclasses import asdict

from edgelpr.benchmarks.bench.figures import figures_of
from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.benchmarks.bench.run import Figures, Run
from edgelpr.errors import DataError

_ROUNDED = {"plates_per_second": 1e-3, "variation": 1e-4}
_MILLISECONDS = 1e-6
_RELATIVE = 1e-9


def check_figures(result: BenchResult, where: str) -> None:
    """Work out every figure again from the samples, so that tables and ratios cannot tell two stories.

    One unit of the last digit that is kept is allowed: another NumPy adds in another order.

    Args:
        result: as it was read.
        where: its file, for the message.

    Raises:
        DataError: a figure is not that of the samples; the message names the run and the figure.
    """
    for number, run in enumerate(result.runs, 1):
        name = f"{where}: runs {number} ({run.scenario}, {run.scope}, {run.model.name})"
        count = len(run.samples_ns)
        if run.plates < count or run.plates % count:
            raise DataError(f"{name}: plates is {run.plates} of {count} samples; expected as many, at least one, in each")
        wrong = _wrong(run, figures_of(run.samples_ns, run.plates))
        if wrong:
            raise DataError(f"{name}: {wrong}; the file was changed after it was written: copy it again, or measure again")


def _wrong(run: Run, right: Figures) -> str:
    stated = asdict(run.summary)
    wrong = [
        f"{name} is {stated[name]} in its summary, and {value} by its {len(run.samples_ns)} samples"
        for name, value in asdict(right).items()
        if not _same(stated[name], value, _ROUNDED.get(name, _MILLISECONDS))
    ]
    return "; ".join(wrong)


def _same(stated: float | None, right: float | None, unit: float) -> bool:
    """Equal but for rounding; a figure that the samples do not support is no figure."""
    if stated is None or right is None:
        return stated is right
    return abs(stated - right) <= 1.5 * unit + _RELATIVE * abs(right)
