"""The training loop: one process, CPU or one GPU, resumable to the step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import Optimizer

from edgelpr.data.rendering.samples import Renderer
from edgelpr.errors import TrainingError
from edgelpr.models.checkpoint import load_checkpoint, save_checkpoint
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa, create
from edgelpr.preprocessing.images import Image
from edgelpr.training.averaging import Average
from edgelpr.training.config import TrainingConfig
from edgelpr.training.feeding import batches
from edgelpr.training.losses import Losses, hpa_loss
from edgelpr.training.optimizing import learning_rate, make_optimizer
from edgelpr.training.progress import Progress, Schedule
from edgelpr.training.samples import Sample, TrainingSamples
from edgelpr.training.state import load_state, save_state

CHECKPOINT_FILE = "checkpoint.safetensors"
"""Averaged weights inside the folder of a run, refreshed with every state."""

_LONGEST_GRADIENT = 5.0


def train(
    config: TrainingConfig,
    renderer: Renderer,
    folder: Path,
    *,
    real: Sequence[tuple[Image, str]] = (),
    start_from: Path | None = None,
    schedule: Schedule = Schedule(),  # noqa: B008 - frozen
    report: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Train a network, or go on with a run that stopped.

    Args:
        config: what defines the run.
        renderer: source of synthetic plates; decides the plate format.
        folder: of the run: state, log and checkpoint; created when absent.
        real: (crop, plate) pairs to mix in.
        start_from: a checkpoint to start from instead of fresh weights.
        schedule: when to report and save.
        report: called with the progress.

    Returns:
        The checkpoint with the averaged weights.

    Raises:
        TrainingError: the folder holds another run, the device is absent, or the loss is no longer finite.
    """
    torch.manual_seed(config.seed)
    network = _network(config, renderer, start_from).to(_device(schedule))
    run = _Run(config, schedule, folder, network, Average(network, config.averaging), make_optimizer(config, network))
    samples = TrainingSamples(renderer, config.seed, config.steps * config.batch, real, config.real_share)
    folder.mkdir(parents=True, exist_ok=True)
    run.go(samples, report)
    return folder / CHECKPOINT_FILE


@dataclass(frozen=True)
class _Run:
    config: TrainingConfig
    schedule: Schedule
    folder: Path
    network: Hpa
    average: Average[Hpa]
    optimizer: Optimizer

    def go(self, samples: TrainingSamples, report: Callable[[Progress], None]) -> None:
        config = self.config
        done = load_state(self.folder, config, self.network, self.average, self.optimizer)
        began, since = time.perf_counter(), done
        for step, batch in enumerate(batches(samples, config.batch, done * config.batch, self.schedule.workers), start=done):
            losses, accuracy = self._step(step, batch)
            finished = step + 1
            if finished % self.schedule.report_every == 0 or finished == config.steps:
                speed = (finished - since) * config.batch / (time.perf_counter() - began)
                progress = self._progress(finished, losses, accuracy, speed)
                progress.log(self.folder)
                report(progress)
                began, since = time.perf_counter(), finished
            if finished % self.schedule.save_every == 0 or finished == config.steps:
                self._save(finished)

    def _step(self, step: int, batch: Sample) -> tuple[Losses, float]:
        device = self.schedule.device
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, step)
        crops, classes, boxes = (field.to(device, non_blocking=True) for field in batch)
        inputs = GreyDoor(3, torch.float32)(crops).contiguous(memory_format=torch.channels_last)
        self.network.train()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.config.half):
            output = self.network(inputs)
        losses = hpa_loss(output, classes, boxes, self.config)
        if not math.isfinite(float(losses.total.detach())):
            raise TrainingError(f"the loss at step {step + 1} is not finite; start anew elsewhere with a lower --learning-rate")
        self.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST_GRADIENT)
        self.optimizer.step()
        self.average.update(self.network, step)
        right = (output.logits.detach().argmax(-1) == classes).all(dim=1)
        return losses, float(right.float().mean())

    def _save(self, step: int) -> None:
        save_state(self.folder, step, self.config, self.network, self.average, self.optimizer)
        notes = {"steps": str(step), "config": json.dumps(asdict(self.config))}
        save_checkpoint(self.folder / CHECKPOINT_FILE, self.average.network, notes=notes)

    def _progress(self, step: int, losses: Losses, accuracy: float, speed: float) -> Progress:
        return Progress(
            step,
            self.config.steps,
            loss=_rounded(losses.total),
            sequence=_rounded(losses.sequence),
            semantic=_rounded(losses.semantic),
            position=_rounded(losses.position),
            plate_accuracy=round(accuracy, 4),
            learning_rate=learning_rate(self.config, step - 1),
            plates_per_second=round(speed, 1),
            seconds_left=round((self.config.steps - step) * self.config.batch / speed),
        )


def _rounded(loss: Tensor) -> float:
    return round(float(loss.detach()), 5)


def _network(config: TrainingConfig, renderer: Renderer, start_from: Path | None) -> Hpa:
    if start_from is None:
        network = create(config.architecture, renderer.plate_format, config.classifier)
    else:
        network = load_checkpoint(start_from)
    theirs = (network.config.name, network.config.classifier, network.plate_format.classes, network.plate_format.positions)
    ours = (config.architecture, config.classifier, renderer.plate_format.classes, renderer.plate_format.positions)
    if theirs != ours:
        words = "{} with a {} classifier, {} classes and {} positions"
        raise TrainingError(f"{start_from}: holds {words.format(*theirs)}; this run trains {words.format(*ours)}")
    # Convolutions on a CPU are half as fast again with the channels last (measured: 1.5 times on two cores).
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _device(schedule: Schedule) -> torch.device:
    if schedule.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device 'cuda' was asked for, but PyTorch sees no GPU here; use --device cpu")
    return torch.device(schedule.device)
