"""Progress of a build, from TensorRT's progress monitor to a callback of ours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from edgelpr.engines.features import has_monitor
from edgelpr.engines.interrupting import Interruption

Progress = Callable[[int, int], None]
"""Takes how much is done, and of how much."""

TOTAL = 1000
"""What progress is counted in: thousandths of a build."""


@dataclass
class _Phase:
    name: str
    steps: int
    done: int = 0


class Phases:
    """Nested phases of a build as one figure; a phase fills the step of its parent that is being done.

    Args:
        progress: takes the figure when it grew.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._stack: list[_Phase] = []
        self._reached = 0
        self._lock = threading.Lock()  # TensorRT may report from several threads

    def start(self, name: str, steps: int) -> None:
        """A phase begins, inside those that are open."""
        with self._lock:
            self._stack.append(_Phase(name, max(steps, 1)))

    def step(self, name: str, step: int) -> None:
        """One step of an open phase is done, counted from 0."""
        with self._lock:
            for phase in self._stack:
                if phase.name == name:
                    phase.done = min(step + 1, phase.steps)
            self._report()

    def finish(self, name: str) -> None:
        """The innermost phase of this name is over; so is what is open inside it."""
        with self._lock:
            places = [place for place, phase in enumerate(self._stack) if phase.name == name]
            if places:
                del self._stack[places[-1] :]
            if not self._stack:
                self._reach(TOTAL)

    def _report(self) -> None:
        share, left = 0.0, 1.0
        for phase in self._stack:
            share += left * phase.done / phase.steps
            left /= phase.steps
        self._reach(min(int(share * TOTAL), TOTAL - 1))

    def _reach(self, reached: int) -> None:
        if reached > self._reached and self._progress is not None:
            self._reached = reached
            self._progress(reached, TOTAL)


def create_monitor(module: ModuleType, interruption: Interruption, progress: Progress | None) -> Any:
    """An ``IProgressMonitor`` of this TensorRT that stops the build after Ctrl-C; None where TensorRT has no such thing.

    It never raises: what is raised in a callback may end the process inside TensorRT.
    """
    if not has_monitor(module):
        return None
    phases = Phases(progress)

    class Monitor(module.IProgressMonitor):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with contextlib.suppress(BaseException):
                phases.start(phase_name, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            with contextlib.suppress(BaseException):
                phases.step(phase_name, step)
            return not interruption.requested

        def phase_finish(self, phase_name: str) -> None:
            with contextlib.suppress(BaseException):
                phases.finish(phase_name)

    return Monitor()
