"""A run from its last saved state to its end: steps, reports, saves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from edgelpr.models.checkpoint import save_checkpoint
from edgelpr.models.hpa import Hpa
from edgelpr.training.carding import Origin, describe_device, write_card
from edgelpr.training.config import TrainingConfig
from edgelpr.training.distributed import Group
from edgelpr.training.events import EventLog
from edgelpr.training.feeding import batches
from edgelpr.training.leading import led
from edgelpr.training.optimizing import learning_rate
from edgelpr.training.outcome import Outcome
from edgelpr.training.progress import Progress, Schedule
from edgelpr.training.samples import TrainingSamples
from edgelpr.training.stages import stage_at
from edgelpr.training.state import Parts, load_state, save_state
from edgelpr.training.stepping import Stepper
from edgelpr.training.validating import Validated, Validation

CHECKPOINT_FILE = "checkpoint.safetensors"
"""Averaged weights inside the folder of a run, refreshed with every state."""

BEST_FILE = "best.safetensors"
"""The averaged weights that read most validation plates right, where a run validates."""


@dataclass
class Run:
    """One sitting of a run; of several processes only the first one writes and reports."""

    origin: Origin
    """What the weights will come from."""

    schedule: Schedule
    """When to report and save."""

    folder: Path
    """Of the run."""

    parts: Parts[Hpa]
    """What the run changes."""

    identity: dict[str, Any]
    """What decides its outcome."""

    group: Group
    """This process among its fellows."""

    device: torch.device
    """Of the network."""

    validation: Validation | None = None
    """Plates to measure the averaged weights on."""

    say: Callable[[str], None] = lambda line: None
    """Told what the user should know."""

    validated: Validated | None = None
    """The last measurement of this sitting."""

    events: EventLog | None = None
    """Reports for TensorBoard, where they are wanted."""

    @property
    def config(self) -> TrainingConfig:
        """Settings of the run."""
        return self.origin.config

    def go(self, samples: TrainingSamples, stepper: Stepper, report: Callable[[Progress], None]) -> None:
        """Take all steps that are left.

        Raises:
            TrainingError: the state is of another run, the disk is full, or the loss is no longer finite; in the others
                also that the first process failed.
        """
        done = load_state(self.folder, self.identity, self.parts)
        self._check_best()
        led(self.group, lambda: self._open_events(done + 1))
        try:
            self._take_steps(done, samples, stepper, report)
        finally:
            if self.events is not None:
                self.events.close()
        led(self.group, lambda: self._finish(done))

    def _open_events(self, first: int) -> None:
        if self.schedule.tensorboard:
            self.events = EventLog(self.folder, first)

    def _take_steps(self, done: int, samples: TrainingSamples, stepper: Stepper, report: Callable[[Progress], None]) -> None:
        config, schedule = self.config, self.schedule
        clock = Clock(done)
        for step, batch in enumerate(batches(samples, config, self.group, done, schedule.workers), start=done):
            outcome = stepper.take(step, batch)
            finished = step + 1
            if finished % schedule.save_every == 0 or finished == config.steps:
                led(self.group, partial(self._save, finished, clock))
            if finished % schedule.report_every == 0 or finished == config.steps:
                led(self.group, partial(self._report, finished, outcome, clock, report))

    def _report(self, step: int, outcome: Outcome, clock: Clock, report: Callable[[Progress], None]) -> None:
        progress = self._progress(step, outcome, clock.speed(step) * self.config.batch)
        progress.log(self.folder)
        if self.events is not None:
            self.events.add(progress)
        report(progress)

    def _check_best(self) -> None:
        """The best of another validation is none of this one's."""
        if self.validation is None or not self.parts.tally.forget_other_best(self.validation.measured_on):
            return
        if self.group.leads:
            best = self.folder / BEST_FILE
            self.say(f"{best}: was chosen on other plates than {self.validation.name}; the best is looked for anew")

    def _save(self, step: int, clock: Clock) -> None:
        self.parts.tally.seconds += clock.since_save()
        self._save_checkpoint(CHECKPOINT_FILE, step)
        if self.validation is not None:
            tally = self.parts.tally
            self.validated = self.validation.measure(self.parts.average.network)
            if self.validated.correct >= tally.best_correct:  # of equals the later, which was trained longer
                tally.best_correct, tally.best_step = self.validated.correct, step
                tally.measured_on = self.validation.measured_on
                self._save_checkpoint(BEST_FILE, step)
        save_state(self.folder, step, self.identity, self.parts)  # last: it says that the step is done

    def _finish(self, done: int) -> None:
        """What a finished run holds beside its state, made again where a sitting ended before it was written."""
        if done >= self.config.steps:
            self._save_checkpoint(CHECKPOINT_FILE, done)
        device = describe_device(self.device, self.group.size)
        write_card(self.folder, self.origin, self.parts.tally.seconds, device, *self._accuracy())

    def _accuracy(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Of the last weights and of the best ones, where they were measured."""
        validation, tally = self.validation, self.parts.tally
        if validation is None:
            return None, None
        last = self.validated or validation.measure(self.parts.average.network)
        best = None
        if tally.best_correct >= 0:
            best = validation.describe(Validated(tally.best_correct, last.plates), BEST_FILE, tally.best_step)
        return validation.describe(last, CHECKPOINT_FILE, self.config.steps), best

    def _save_checkpoint(self, name: str, step: int) -> None:
        notes = {"steps": str(step), "config": json.dumps(asdict(self.config))}
        save_checkpoint(self.folder / name, self.parts.average.network, notes=notes)

    def _progress(self, step: int, outcome: Outcome, speed: float) -> Progress:
        return Progress(
            step,
            self.config.steps,
            Outcome(*(round(value, 5) for value in astuple(outcome))),
            learning_rate=learning_rate(self.config, step - 1),
            plates_per_second=round(speed, 1),
            seconds_left=round((self.config.steps - step) * self.config.batch / speed),
            stage=stage_at(self.config, step - 1).letters,
            validation_accuracy=None if self.validated is None else round(self.validated.accuracy, 4),
        )


class Clock:
    """Speed between reports, and time between saves.

    Args:
        step: steps done when it starts.
    """

    def __init__(self, step: int) -> None:
        self._reported_at = self._saved_at = time.perf_counter()
        self._reported = step

    def speed(self, step: int) -> float:
        """Steps a second since this was last asked."""
        now = time.perf_counter()
        speed = (step - self._reported) / (now - self._reported_at)
        self._reported_at, self._reported = now, step
        return speed

    def since_save(self) -> float:
        """Seconds since this was last asked."""
        now = time.perf_counter()
        passed, self._saved_at = now - self._saved_at, now
        return passed
