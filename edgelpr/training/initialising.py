"""Fresh networks whose backbone starts from ImageNet weights, as a checkpoint that a run can start from."""

from __future__ import annotations

from pathlib import Path

import torch

from edgelpr.errors import UsageError
from edgelpr.models.checkpoint import save_checkpoint
from edgelpr.models.hpa import create
from edgelpr.models.imagenet import load_imagenet
from edgelpr.plates.format import PlateFormat
from edgelpr.training.config import TrainingConfig
from edgelpr.training.state import make_folder

INITIAL_FILE = "initial.safetensors"
"""Name of the checkpoint inside the folder of a run."""


def first_checkpoint(
    start_from: Path | None, backbone: Path | None, config: TrainingConfig, plate_format: PlateFormat, folder: Path
) -> Path | None:
    """What a run starts from: a checkpoint, a fresh network with a torchvision ResNet in it, or neither.

    Args:
        start_from: a checkpoint of a whole network.
        backbone: ``.pth`` or ``.safetensors`` of the ResNet.
        config: of the run.
        plate_format: of the run.
        folder: of the run.

    Raises:
        UsageError: both were named.
        CheckpointError: the file does not hold that ResNet.
        TrainingError: the folder cannot be made.
    """
    if backbone is None:
        return start_from
    if start_from is not None:
        raise UsageError("--start-from names a whole network, and --backbone-weights a part of a fresh one; name one of them")
    return write_initial_checkpoint(config, plate_format, backbone, folder)


def write_initial_checkpoint(config: TrainingConfig, plate_format: PlateFormat, backbone: Path, folder: Path) -> Path:
    """Write a fresh network with a torchvision ResNet's weights in its context path.

    The same configuration and file give the same checkpoint, so a run that starts from it can go on after a stop.

    Args:
        config: decides network, classifier and the seed of the other weights.
        plate_format: decides classes and positions.
        backbone: ``.pth`` or ``.safetensors`` of the ResNet.
        folder: of the run; created when absent.

    Returns:
        The checkpoint.

    Raises:
        CheckpointError: the file does not hold that ResNet.
        TrainingError: the folder cannot be made.
    """
    torch.manual_seed(config.seed)
    network = create(config.architecture, plate_format, config.classifier)
    load_imagenet(network, backbone)
    make_folder(folder)
    save_checkpoint(folder / INITIAL_FILE, network, notes={"backbone": backbone.name})
    return folder / INITIAL_FILE
