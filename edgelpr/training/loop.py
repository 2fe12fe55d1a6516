"""The training loop: one process, CPU or one GPU, resumable to the step."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgelpr.bundle.files import hash_file
from edgelpr.data.rendering.samples import Renderer
from edgelpr.errors import TrainingError
from edgelpr.models.checkpoint import load_checkpoint, save_checkpoint
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa, create
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image
from edgelpr.training.averaging import Average
from edgelpr.training.config import TrainingConfig
from edgelpr.training.feeding import batches
from edgelpr.training.losses import Losses, hpa_loss
from edgelpr.training.optimizing import learning_rate, make_optimizer
from edgelpr.training.progress import Progress, Schedule
from edgelpr.training.samples import Sample, TrainingSamples
from edgelpr.training.state import Parts, load_state, save_state

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
    samples = TrainingSamples(renderer, config.seed, config.steps * config.batch, real, config.real_share)
    parts = Parts(network, Average(network, config.averaging), make_optimizer(config, network))
    identity = _identity(config, renderer, real) | {"start_from": None if start_from is None else hash_file(start_from)[0]}
    run = _Run(config, schedule, folder, parts, identity)
    _make_folder(folder)
    run.go(samples, report)
    return folder / CHECKPOINT_FILE


@dataclass(frozen=True)
class _Run:
    config: TrainingConfig
    schedule: Schedule
    folder: Path
    parts: Parts
    identity: dict[str, Any]

    def go(self, samples: TrainingSamples, report: Callable[[Progress], None]) -> None:
        config = self.config
        done = load_state(self.folder, self.identity, self.parts)
        if done >= config.steps:  # finished before, perhaps without its last checkpoint
            self._save_checkpoint(done)
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
        for group in self.parts.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, step)
        crops, classes, boxes = (field.to(device, non_blocking=True) for field in batch)
        inputs = GreyDoor(3, torch.float32)(crops).contiguous(memory_format=torch.channels_last)
        self.parts.network.train()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.config.half):
            output = self.parts.network(inputs)
        losses = hpa_loss(output, classes, boxes, self.config)
        if not math.isfinite(float(losses.total.detach())):
            raise TrainingError(f"the loss at step {step + 1} is not finite; start anew elsewhere with a lower --learning-rate")
        self.parts.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parts.network.parameters(), _LONGEST_GRADIENT)
        self.parts.optimizer.step()
        self.parts.average.update(self.parts.network, step)
        right = (output.logits.detach().argmax(-1) == classes).all(dim=1)
        return losses, float(right.float().mean())

    def _save(self, step: int) -> None:
        self._save_checkpoint(step)
        save_state(self.folder, step, self.identity, self.parts)  # last: it says that the step is done

    def _save_checkpoint(self, step: int) -> None:
        notes = {"steps": str(step), "config": json.dumps(asdict(self.config))}
        save_checkpoint(self.folder / CHECKPOINT_FILE, self.parts.average.network, notes=notes)

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


def _identity(config: TrainingConfig, renderer: Renderer, real: Sequence[tuple[Image, str]]) -> dict[str, Any]:
    """What decides the outcome of a run, as plain values: resuming with anything else would mix two runs."""
    crops = hashlib.sha256()
    for image, plate in real:
        crops.update(f"{plate} {image.shape}".encode())
        crops.update(np.ascontiguousarray(image).data)
    plates = {"plate_format": renderer.plate_format.to_dict(), "glyphs": renderer.description}
    return asdict(config) | plates | {"real_crops": crops.hexdigest() if real else None}


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{folder}: cannot be made a folder for the run ({error.strerror or error})") from error


def _network(config: TrainingConfig, renderer: Renderer, start_from: Path | None) -> Hpa:
    if start_from is None:
        network = create(config.architecture, renderer.plate_format, config.classifier)
    else:
        network = load_checkpoint(start_from)
    ours = _reads(config.architecture, config.classifier, renderer.plate_format)
    theirs = _reads(network.config.name, network.config.classifier, network.plate_format)
    different = [f"{key} {theirs[key]}, this run trains {value}" for key, value in ours.items() if theirs[key] != value]
    if different:
        raise TrainingError(f"{start_from}: is a checkpoint for {'; '.join(different)}")
    # Convolutions on a CPU are half as fast again with the channels last (measured: 1.5 times on two cores).
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _reads(architecture: str, classifier: str, plate_format: PlateFormat) -> dict[str, Any]:
    """What weights depend on; names and patterns of plate formats they do not."""
    described: dict[str, Any] = {"architecture": architecture, "classifier": classifier, "alphabet": plate_format.alphabet}
    described |= {"positions": plate_format.positions, "void": plate_format.void}
    return described | {"input size": plate_format.height_width}


def _device(schedule: Schedule) -> torch.device:
    if schedule.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device 'cuda' was asked for, but PyTorch sees no GPU here; use --device cpu")
    return torch.device(schedule.device)
