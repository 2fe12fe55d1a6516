"""A run of IQ-STAN from its last saved state to its end: steps, reports, saves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from edgelpr.bundle.confidence import TrackConfidence
from edgelpr.data.rendering.tracks.tracks import GENERATOR_VERSION, TrackRenderer
from edgelpr.errors import TrainingError
from edgelpr.models.iq_stan import IqStan, create_iq_stan
from edgelpr.models.iq_stan_checkpoint import load_iq_stan, save_iq_stan
from edgelpr.training.averaging import Average
from edgelpr.training.distributed import Group, join
from edgelpr.training.feeding import check_shares
from edgelpr.training.leading import led
from edgelpr.training.precision import Arithmetic
from edgelpr.training.progress import Schedule
from edgelpr.training.real import RealSet, real_identity
from edgelpr.training.running import BEST_FILE, CHECKPOINT_FILE, Clock
from edgelpr.training.state import Parts, load_state, make_folder, save_state
from edgelpr.training.tracks.confidence import fit_confidence
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.feeding import batches
from edgelpr.training.tracks.progress import TrackProgress
from edgelpr.training.tracks.samples import TrackSample, TrackSamples
from edgelpr.training.tracks.stepping import TrackOutcome, TrackStepper
from edgelpr.training.tracks.validating import RESERVED_SEED, TrackFigures, held_out_tracks, measure_tracks

HELD_OUT = 500
"""Tracks that the averaged weights are measured on at every save."""


def train_tracks(
    config: TrackConfig,
    renderer: TrackRenderer,
    folder: Path,
    *,
    real: Sequence[RealSet] = (),
    start_from: Path | None = None,
    schedule: Schedule = Schedule(),  # noqa: B008 - frozen
    held_out: int = HELD_OUT,
    report: Callable[[TrackProgress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train IQ-STAN, or go on with a run that stopped.

    Started by ``torchrun``, every process calls this with the same arguments and they share the tracks of each step; only the
    first one writes, measures and reports. All return when it has written the last file.

    Args:
        config: what defines the run.
        renderer: source of tracks; decides the plate format.
        folder: of the run: state, log, checkpoint; created when absent.
        real: sets of real crops to make tracks from.
        start_from: a checkpoint to start from instead of fresh weights.
        schedule: when to report and save, on what device, with how many processes.
        held_out: tracks to measure the averaged weights on at every save, a quarter of those that their confidence is fitted on
            in the end; 0 for neither.
        report: called with the progress.
        say: told what is done after the last step.

    Returns:
        The checkpoint with the averaged weights.

    Raises:
        TrainingError: the folder holds another run, the device is absent, settings do not fit what is given beside them, the
            tracks of a step cannot be shared evenly, or the loss is no longer finite. In the other processes also that the
            first one failed, as ``LeaderFailedError``.
        CheckpointError: ``start_from`` cannot be used.
    """
    if config.seed >= RESERVED_SEED:
        raise TrainingError(f"seed {config.seed} may be that of held-out tracks; choose one below {RESERVED_SEED}")
    samples = TrackSamples(renderer, config, real)
    group, device = join(schedule.device), torch.device(schedule.device)
    check_shares(config.batch, group, what="tracks")
    led(group, lambda: make_folder(folder))
    parts = _first_parts(config, renderer, start_from, group, device)
    run = _Run(config, renderer, folder, schedule, parts, group, device, held_out)
    run.go(samples, _identity(config, renderer, real, start_from), report)
    if held_out:
        led(group, lambda: run.fit_confidence(4 * held_out, say))
    return folder / CHECKPOINT_FILE


def _first_parts(
    config: TrackConfig, renderer: TrackRenderer, start_from: Path | None, group: Group, device: torch.device
) -> Parts[IqStan]:
    torch.manual_seed(config.seed)
    network = create_iq_stan(renderer.plate_format, config.quality)
    if start_from is not None:
        found = load_iq_stan(start_from)
        theirs, ours = found.plate_format.to_dict() | {"quality": found.config.quality}, renderer.plate_format.to_dict()
        if theirs != ours | {"quality": config.quality}:
            raise TrainingError(f"{start_from}: has other parts or reads other plates than this run; start from fresh weights")
        network.load_state_dict(found.state_dict())
    network = group.synchronised(network, device)
    # Convolutions on a CPU are half as fast again with the channels last.
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    scaler = Arithmetic.of(config.half, device.type).scaler()
    return Parts(network, Average(network, config.averaging), optimizer, scaler)


def _identity(config: TrackConfig, renderer: TrackRenderer, real: Sequence[RealSet], start_from: Path | None) -> dict[str, Any]:
    """What decides the outcome, as plain values: resuming with anything else would mix two runs."""
    plates = {"plate_format": renderer.plate_format.to_dict(), "glyphs": renderer.description, "tracks": GENERATOR_VERSION}
    files = {"real_crops": real_identity(real), "start_from": None if start_from is None else start_from.name}
    return asdict(config) | plates | files


@dataclass
class _Run:
    """One sitting of a run; of several processes only the first one writes, measures and reports."""

    config: TrackConfig
    renderer: TrackRenderer
    folder: Path
    schedule: Schedule
    parts: Parts[IqStan]
    group: Group
    device: torch.device
    held_out: int
    tracks: TrackSample | None = None
    figures: TrackFigures | None = None

    def go(self, samples: TrackSamples, identity: dict[str, Any], report: Callable[[TrackProgress], None]) -> None:
        """Take all steps that are left."""
        config, group, schedule = self.config, self.group, self.schedule
        done = load_state(self.folder, identity, self.parts)
        led(group, self._render_held_out)
        stepper = TrackStepper(config, self.parts, group, self.device)
        outcomes: list[TrackOutcome] = []
        clock = Clock(done)
        for step, batch in enumerate(batches(samples, config, group, done, schedule.workers), start=done + 1):
            outcomes.append(stepper.take(step - 1, batch))
            last = step == config.steps
            if last or step % schedule.save_every == 0:
                led(group, partial(self._save, step, identity, clock))
            if last or step % schedule.report_every == 0:
                led(group, partial(self._report, step, outcomes, clock, report))
                outcomes = []

    def fit_confidence(self, tracks: int, say: Callable[[str], None]) -> None:
        """Give the checkpoints of a finished run their confidence; those that have one keep it."""
        last, best = self.config.steps, self.parts.tally.best_step
        fitted: dict[int, TrackConfidence | None] = {}
        for name, step in ((CHECKPOINT_FILE, last), (BEST_FILE, best)):
            path = self.folder / name
            network = load_iq_stan(path)
            if network.confidence is None:
                say(f"Fitting the confidence of {path} on {tracks} tracks that were not trained on")
                network.confidence = fitted.get(step) or fit_confidence(network, self.renderer, tracks)
                save_iq_stan(path, network, notes=self._notes(step))
            fitted[step] = network.confidence

    def _notes(self, step: int) -> dict[str, str]:
        return {"steps": str(step), "config": json.dumps(asdict(self.config))}

    def _render_held_out(self) -> None:
        if self.held_out:
            self.tracks = held_out_tracks(self.renderer, self.held_out)

    def _report(
        self, step: int, outcomes: Sequence[TrackOutcome], clock: Clock, report: Callable[[TrackProgress], None]
    ) -> None:
        progress = self._progress(step, outcomes, clock.speed(step))
        progress.log(self.folder)
        report(progress)

    def _save(self, step: int, identity: dict[str, Any], clock: Clock) -> None:
        network, tally = self.parts.average.network, self.parts.tally
        tally.seconds += clock.since_save()
        save_iq_stan(self.folder / CHECKPOINT_FILE, network, notes=self._notes(step))
        if self.tracks is not None:
            self.figures = measure_tracks(network, self.tracks)
            correct = round(self.figures.plate_accuracy * len(self.tracks.frames))
            if correct >= tally.best_correct:  # of equals the later, which was trained longer
                tally.best_correct, tally.best_step = correct, step
                save_iq_stan(self.folder / BEST_FILE, network, notes=self._notes(step))
        save_state(self.folder, step, identity, self.parts)  # last: it says that the step is done

    def _progress(self, step: int, outcomes: Sequence[TrackOutcome], steps_per_second: float) -> TrackProgress:
        means = TrackOutcome(*(round(sum(figures) / len(outcomes), 5) for figures in zip(*outcomes)))
        return TrackProgress(
            step,
            self.config.steps,
            means,
            learning_rate=self.config.learning_rate_at(step - 1),
            tracks_per_second=round(steps_per_second * self.config.batch, 1),
            seconds_left=round((self.config.steps - step) / steps_per_second),
            held_out=self.figures,
        )
