"""The training loop: one process, CPU or one GPU, resumable to the step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Sampler

from edgelpr.data.rendering.samples import Renderer
from edgelpr.errors import TrainingError
from edgelpr.models.checkpoint import load_checkpoint, save_checkpoint
from edgelpr.models.hpa import Hpa, create
from edgelpr.preprocessing.images import Image
from edgelpr.training.averaging import Average
from edgelpr.training.config import TrainingConfig
from edgelpr.training.losses import Losses, hpa_loss
from edgelpr.training.samples import Sample, TrainingSamples
from edgelpr.training.state import load_state, save_state

CHECKPOINT_FILE = "checkpoint.safetensors"
"""Averaged weights inside the folder of a run, refreshed with every state."""

LOG_FILE = "log.jsonl"
"""One line a report inside the folder of a run."""


@dataclass(frozen=True)
class Progress:
    """What a run reports from time to time."""

    step: int
    """Steps done."""

    steps: int
    """Steps of the whole run."""

    loss: float
    """Total loss of the last batch."""

    sequence: float
    """Its sequence part."""

    semantic: float
    """Its semantic part."""

    position: float
    """Its position part."""

    plate_accuracy: float
    """Share of whole plates right in the last batch, by the network in training mode, 0 to 1."""

    learning_rate: float
    """In use."""

    plates_per_second: float
    """Since the last report, rendering included."""


@dataclass(frozen=True)
class Schedule:
    """When a run reports and saves, and how it feeds itself; none of it changes the result."""

    report_every: int = 50
    """Steps between reports."""

    save_every: int = 500
    """Steps between saved states."""

    workers: int = 2
    """Processes that prepare samples."""

    device: str = "cpu"
    """``cpu`` or ``cuda``."""


class _Onwards(Sampler[int]):
    """Sample numbers from a start to an end."""

    def __init__(self, start: int, end: int) -> None:
        self._range = range(start, end)

    def __iter__(self) -> Iterator[int]:
        return iter(self._range)

    def __len__(self) -> int:
        return len(self._range)


def train(
    config: TrainingConfig,
    renderer: Renderer,
    folder: Path,
    *,
    real: Sequence[tuple[Image, str]] = (),
    start_from: Path | None = None,
    schedule: Schedule | None = None,
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
    schedule = schedule or Schedule()
    torch.manual_seed(config.seed)
    network = _network(config, renderer, start_from).to(_device(schedule))
    average, optimizer = Average(network, config.averaging), _optimizer(config, network)
    folder.mkdir(parents=True, exist_ok=True)
    done = load_state(folder, config, network, average, optimizer)
    samples = TrainingSamples(renderer, config.seed, config.steps * config.batch, real, config.real_share)

    def save(step: int) -> None:
        save_state(folder, step, config, network, average, optimizer)
        save_checkpoint(folder / CHECKPOINT_FILE, average.network, notes={"steps": str(step), "config": json.dumps(asdict(config))})

    _run(config, schedule, samples, done, network, average, optimizer, folder, save, report)
    save(config.steps)
    return folder / CHECKPOINT_FILE


def _run(
    config: TrainingConfig,
    schedule: Schedule,
    samples: TrainingSamples,
    done: int,
    network: Hpa,
    average: Average,
    optimizer: Optimizer,
    folder: Path,
    save: Callable[[int], None],
    report: Callable[[Progress], None],
) -> None:
    began, since = time.perf_counter(), done
    for step, batch in enumerate(_loader(samples, config, schedule, done), start=done):
        rate = _set_learning_rate(optimizer, config, step)
        losses, accuracy = _step(network, optimizer, batch, config, schedule.device)
        average.update(network, step)
        finished = step + 1
        if finished % schedule.report_every == 0 or finished == config.steps:
            _check_finite(losses, finished)
            speed = (finished - since) * config.batch / (time.perf_counter() - began)
            progress = _progress(finished, config, losses, accuracy, rate, speed)
            with (folder / LOG_FILE).open("a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(progress)) + "\n")
            report(progress)
            began, since = time.perf_counter(), finished
        if finished % schedule.save_every == 0:
            save(finished)


def _step(network: Hpa, optimizer: Optimizer, batch: Sample, config: TrainingConfig, device: str) -> tuple[Losses, float]:
    crops, classes, boxes = (field.to(device, non_blocking=True) for field in batch)
    inputs = (crops[:, None].float() / 255).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
    network.train()
    with torch.autocast(device, dtype=torch.bfloat16, enabled=config.half):
        output = network(inputs)
    losses = hpa_loss(output, classes, boxes, config)
    optimizer.zero_grad(set_to_none=True)
    losses.total.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    right = (output.logits.detach().argmax(-1) == classes).all(dim=1)
    return losses, float(right.float().mean())


def _network(config: TrainingConfig, renderer: Renderer, start_from: Path | None) -> Hpa:
    if start_from is None:
        network = create(config.architecture, renderer.plate_format, config.classifier)
    else:
        network = load_checkpoint(start_from)
        if network.config.name != config.architecture or network.plate_format.to_dict() != renderer.plate_format.to_dict():
            raise TrainingError(
                f"{start_from}: holds {network.config.name} for plate format '{network.plate_format.name}'; "
                f"this run trains {config.architecture} for '{renderer.plate_format.name}'"
            )
    return network.to(memory_format=torch.channels_last)


def _device(schedule: Schedule) -> torch.device:
    if schedule.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device 'cuda' was asked for, but PyTorch sees no GPU here; use --device cpu")
    return torch.device(schedule.device)


def _optimizer(config: TrainingConfig, network: Hpa) -> Optimizer:
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), lr=config.learning_rate)
    return torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)


def _loader(samples: TrainingSamples, config: TrainingConfig, schedule: Schedule, done: int) -> DataLoader[Sample]:
    return DataLoader(
        samples,
        batch_size=config.batch,
        sampler=_Onwards(done * config.batch, len(samples)),
        num_workers=schedule.workers,
        worker_init_fn=_quiet_worker,
        persistent_workers=False,
    )


def _quiet_worker(_number: int) -> None:
    import cv2

    # One thread a worker: the workers themselves are the parallelism.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _set_learning_rate(optimizer: Optimizer, config: TrainingConfig, step: int) -> float:
    if step < config.warmup:
        share = (step + 1) / config.warmup
    else:
        along = (step - config.warmup) / max(1, config.steps - config.warmup)
        share = 0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * share
    return config.learning_rate * share


def _check_finite(losses: Losses, step: int) -> None:
    if not math.isfinite(float(losses.total.detach())):
        raise TrainingError(f"the loss at step {step} is not finite; lower --learning-rate and resume from the last saved state")


def _progress(step: int, config: TrainingConfig, losses: Losses, accuracy: float, rate: float, speed: float) -> Progress:
    parts = {name: round(float(getattr(losses, name).detach()), 5) for name in ("sequence", "semantic", "position")}
    return Progress(step, config.steps, round(float(losses.total.detach()), 5), **parts, plate_accuracy=round(accuracy, 4),
                    learning_rate=rate, plates_per_second=round(speed, 1))
