"""What an earlier start measured already, so that a second one goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from edgelpr.benchmarks.bench.files import read_bench_result
from edgelpr.benchmarks.bench.result import BenchResult, Peaks
from edgelpr.benchmarks.bench.run import Run
from edgelpr.errors import UsageError
from edgelpr.types import BenchDuration, Scenario, Scope


class Key(NamedTuple):
    """What tells subjects apart."""

    model: str
    """Its name in a result."""

    weights_sha256: str | None
    """Of the checkpoint; None of random weights."""

    backend: str
    """Inference engine."""

    precision: str
    """Arithmetic."""


_MACHINE = ("processor", "cores", "system", "board", "driver", "gpus", "power_mode", "python", "versions")


@dataclass(frozen=True)
class Earlier:
    """Whole runs of an earlier start, of the same machine and duration, and the peaks of that machine."""

    runs: tuple[Run, ...] = ()
    """All of them; those that are to be measured again stay in the result until they were."""

    threads: int = 1
    """Processor threads of this start."""

    when: str = ""
    """The earlier start."""

    retakes: bool = False
    """Whether those that were disturbed are measured again."""

    device: str = "cpu"
    """Of torch in this start: ``cpu`` or ``cuda``."""

    peaks: tuple[Peaks, ...] = ()
    """Of the devices, as the earlier result has them: its runs are held against them."""

    @property
    def usable(self) -> tuple[Run, ...]:
        """Those that need not be measured again."""
        mine = (run for run in self.runs if run.threads in (None, self.threads) and self._is_of_device(run))
        return tuple(run for run in mine if not (self.retakes and run.disturbances))

    def find(self, subject: Key, scenario: Scenario, scope: Scope) -> Run | None:
        """One run; None where it has to be measured."""
        return next(
            (run for run in self.usable if _key(run) == subject and (run.scenario, run.scope) == (scenario, scope)), None
        )

    def has_all(self, subject: Key, scenarios: Sequence[tuple[Scenario, Scope]]) -> bool:
        """Whether nothing of a subject has to be measured."""
        return all(self.find(subject, *each) is not None for each in scenarios)

    def without(self, measured: Sequence[Run]) -> tuple[Run, ...]:
        """Those that this start has neither taken over nor measured again."""
        taken = set(map(_place, measured))
        return tuple(run for run in self.runs if _place(run) not in taken)

    def _is_of_device(self, run: Run) -> bool:
        """Whether torch computed on what it is to compute on now; other engines take what there is."""
        return run.backend != "torch" or (run.device == "CPU") == (self.device == "cpu")


def read_earlier(
    path: Path | None,
    machine: Mapping[str, Any],
    duration: BenchDuration,
    threads: int,
    fresh: bool = False,
    retakes: bool = False,
    device: str = "cpu",
) -> Earlier:
    """What a result file holds that a start with these arguments would measure again.

    The run that Ctrl-C cut short is left out; an older result that was interrupted does not say whether it has one, so that its
    last run goes.

    Args:
        path: of the result; None or absent: nothing was measured yet.
        machine: this one, as ``describe_environment`` has it.
        duration: of this start. Of seconds of the user's own nothing is kept: a result does not say how many they were.
        threads: processor threads of this start.
        fresh: whether everything is to be measured.
        retakes: whether what was disturbed is to be measured again.
        device: of torch in this start.

    Raises:
        UsageError: a result of another machine or other versions, which must not be mixed with this one.
        DataError: not a result.
    """
    if path is None or fresh or duration == "custom" or not path.exists():
        return Earlier(threads=threads, device=device)
    result = read_bench_result(path)
    _check_machine(path, result, machine)
    cut_short = result.interrupted if result.cut_short is None else result.cut_short
    runs = tuple(run for run in result.runs[: -1 if cut_short else None] if run.duration == duration)
    return Earlier(runs, threads, result.when, retakes, device, result.peaks)


def _check_machine(path: Path, result: BenchResult, machine: Mapping[str, Any]) -> None:
    other = [name for name in _MACHINE if result.machine.get(name) != machine.get(name)]
    if other:
        raise UsageError(
            f"{path}: was measured with another {', '.join(other)} than there is now, and one result is of one machine; name "
            "another file (-o), or measure everything anew (--fresh)"
        )


def _place(run: Run) -> tuple[object, ...]:
    """What two runs of one result differ in."""
    return _key(run), run.scenario, run.scope, run.threads, run.device


def _key(run: Run) -> Key:
    return Key(run.model.name, run.model.weights_sha256, run.backend, run.precision)
