"""One run of the ablations: train a network, read the test plates, keep which were right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from edgelpr.benchmarks.ablations.plan import Ablated, Plan
from edgelpr.benchmarks.ablations.plates import FixedPlates, Unseen, unseen_plates
from edgelpr.benchmarks.experiments.reading import NetworkReader
from edgelpr.data.writing import write_file
from edgelpr.errors import TrainingError
from edgelpr.models.checkpoint import load_checkpoint, save_checkpoint
from edgelpr.models.hpa import create
from edgelpr.models.weights import resolve_checkpoint
from edgelpr.plates.loading import load_plate_format
from edgelpr.training.loop import train
from edgelpr.training.progress import Progress, Schedule

_BATCH = 100


def run_job(
    plan: Plan, network: Ablated, seed: int, folder: Path, report: Callable[[Progress], None] = lambda progress: None
) -> dict[str, Any]:
    """Train and test one network with one seed, unless that was done before.

    Args:
        plan: what all runs have in common.
        network: which one.
        seed: of weights and variations.
        folder: of all runs.
        report: told the progress of the training.

    Returns:
        ``config``; ``correct`` of ``plates``; ``right``, a ``0`` or ``1`` a plate in order; ``seconds`` of the training, None
        where it went on after a stop.

    Raises:
        TrainingError: the run diverged, or the folder holds runs of another plan.
    """
    finished = read_job(plan, network, seed, folder)
    if finished is not None:
        return finished
    config, run = plan.config(network, seed), folder / "runs" / f"{network.name}-{seed}"
    fresh, began = not run.exists(), perf_counter()
    schedule = Schedule(report_every=50, save_every=200, workers=0, pool_folder=folder / "pool")
    plates, start = FixedPlates(plan.plate_format, plan.train_seed), first_weights(plan, network, seed, folder)
    checkpoint = train(config, plates, run, start_from=start, schedule=schedule, report=report)
    seconds = round(perf_counter() - began, 1) if fresh else None
    right = _right(NetworkReader(load_checkpoint(checkpoint)), unseen_plates(plan, folder))
    counts = {"plates": len(right), "correct": right.count("1"), "seconds": seconds, "right": right}
    result = {"name": network.name, "seed": seed, "plan": plan.to_dict(), "config": asdict(config)} | counts
    write_file(job_file(network, seed, folder), json.dumps(result).encode())
    return result


def first_weights(plan: Plan, network: Ablated, seed: int, folder: Path) -> Path | None:
    """The checkpoint a run begins with: the plan's backbone, everything else fresh by the seed; None without a backbone.

    Raises:
        UsageError: the plan's weights are not there.
    """
    if not plan.backbone:
        return None
    torch.manual_seed(seed)
    config, donor = plan.config(network, seed), load_checkpoint(resolve_checkpoint(plan.backbone))
    fresh = create(config.architecture, load_plate_format(plan.plate_format), config.classifier)
    for name in ("spatial", "context"):
        getattr(fresh, name).load_state_dict(getattr(donor, name).state_dict())
    path = folder / "starts" / f"{config.classifier}-{seed}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, fresh)
    return path


def read_job(plan: Plan, network: Ablated, seed: int, folder: Path) -> dict[str, Any] | None:
    """What ``run_job`` returned before; None if it has not finished yet.

    Raises:
        TrainingError: the folder holds runs of another plan, or the file is damaged.
    """
    path = job_file(network, seed, folder)
    if not path.is_file():
        return None
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        same = result["plan"] == plan.to_dict() and result["config"] == asdict(plan.config(network, seed))
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{path}: damaged; delete it to repeat the run") from error
    if not same:
        raise TrainingError(f"{path}: of a run with other settings; use them, or another folder")
    return result


def job_file(network: Ablated, seed: int, folder: Path) -> Path:
    """Where a run leaves its result."""
    return folder / "jobs" / f"{network.name}-{seed}.json"


def _right(reader: NetworkReader, plates: Unseen) -> str:
    marks = []
    for start in range(0, len(plates.crops), _BATCH):
        read = reader.read_batch(plates.crops[start : start + _BATCH]).classes
        marks += (read == plates.classes[start : start + _BATCH]).all(axis=1).tolist()
    return "".join("1" if mark else "0" for mark in marks)
