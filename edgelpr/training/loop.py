"""Training: one process or several, CPU or GPUs, resumable to the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from edgelpr.data.rendering.samples import Renderer
from edgelpr.training.averaging import Average
from edgelpr.training.carding import Origin
from edgelpr.training.config import TrainingConfig
from edgelpr.training.distilling import load_teacher
from edgelpr.training.distributed import Group, join
from edgelpr.training.feeding import check_shares
from edgelpr.training.identity import identity_of
from edgelpr.training.leading import led
from edgelpr.training.optimizing import make_optimizer
from edgelpr.training.pool import PlatePool
from edgelpr.training.precision import Arithmetic
from edgelpr.training.progress import Progress, Schedule
from edgelpr.training.real import RealSet
from edgelpr.training.rendered import RenderedSource
from edgelpr.training.running import BEST_FILE, CHECKPOINT_FILE, Run
from edgelpr.training.samples import TrainingSamples
from edgelpr.training.starting import first_network
from edgelpr.training.state import Parts, make_folder
from edgelpr.training.stepping import Stepper
from edgelpr.training.track_frames import TrackFrameSource, damage_real
from edgelpr.training.validating import Validation

__all__ = ["BEST_FILE", "CHECKPOINT_FILE", "train"]


def train(
    config: TrainingConfig,
    renderer: Renderer,
    folder: Path,
    *,
    real: Sequence[RealSet] = (),
    start_from: Path | None = None,
    teacher: Path | None = None,
    validation: Validation | None = None,
    recipe: Path | None = None,
    schedule: Schedule = Schedule(),  # noqa: B008 - frozen
    report: Callable[[Progress], None] = lambda progress: None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train a network, or go on with a run that stopped.

    Started by ``torchrun``, every process calls this with the same arguments and they share the work; only the first
    one writes and reports. All return when it has written the last file.

    Args:
        config: what defines the run.
        renderer: source of synthetic plates; decides the plate format.
        folder: of the run: state, log, checkpoint and card; created when absent.
        real: sets of real crops to mix in.
        start_from: a checkpoint to start from instead of fresh weights.
        teacher: a checkpoint to learn from, where the configuration gives it a weight.
        validation: plates on which the averaged weights are measured at every save; the best ones are kept.
        recipe: the file that settings were read from, for the card.
        schedule: when to report and save.
        report: called with the progress.
        say: told, in one line, what the user should know of a run that goes on.

    Returns:
        The checkpoint with the averaged weights.

    Raises:
        TrainingError: the folder holds another run, the device is absent, settings do not fit each other or what is
            given beside them, a crop both trains and validates, or the loss is no longer finite. In the other processes
            also that the first one failed, as ``LeaderFailedError``.
    """
    group, device = join(schedule.device), torch.device(schedule.device)
    check_shares(config.batch, group, config.accumulate)
    if validation is not None:
        validation.check_apart(real)
    led(group, lambda: make_folder(folder))
    origin = Origin(config, renderer, tuple(real), start_from, teacher, recipe)
    run, stepper = _start(origin, folder, schedule, group, device)
    run.validation, run.say = validation, say
    run.go(_samples(origin, schedule.pool_folder or folder), stepper, report)
    return folder / CHECKPOINT_FILE


def _start(origin: Origin, folder: Path, schedule: Schedule, group: Group, device: torch.device) -> tuple[Run, Stepper]:
    config, plate_format = origin.config, origin.renderer.plate_format
    torch.manual_seed(config.seed)
    network = group.synchronised(first_network(config, plate_format, origin.start_from), device).to(device)
    taught_by = load_teacher(origin.teacher, config, network)
    average, optimizer = Average(network, config.averaging), make_optimizer(config, network)
    parts = Parts(network, average, optimizer, Arithmetic.of(config.half, device.type).scaler())
    identity = identity_of(config, origin.renderer, origin.real, origin.start_from, origin.teacher)
    stepper = Stepper(config, parts, group, device, None if taught_by is None else taught_by.to(device))
    return Run(origin, schedule, folder, parts, identity, group, device), stepper


def _samples(origin: Origin, pool_folder: Path) -> TrainingSamples:
    config = origin.config
    real = (config.seed, config.steps * config.batch, origin.real, config.real_share, config.weights_of_real_sets)
    if config.track_frames:
        return TrainingSamples(TrackFrameSource(origin.renderer, config.seed), *real, vary=damage_real)
    rendered = RenderedSource(origin.renderer, config.seed)
    source = PlatePool(rendered, config.seed, config.pool, pool_folder) if config.pool else rendered
    return TrainingSamples(source, *real)
