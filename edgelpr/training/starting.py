"""The network a run begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from edgelpr.errors import TrainingError
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.hpa import Hpa, create
from edgelpr.models.transfer import transfer
from edgelpr.plates.format import PlateFormat
from edgelpr.training.config import TrainingConfig


def first_network(config: TrainingConfig, plate_format: PlateFormat, start_from: Path | None) -> Hpa:
    """Fresh weights, or those of a checkpoint, laid out for fast convolutions.

    With ``transfer`` the checkpoint may read other plates; see ``edgelpr.models.transfer``.

    Raises:
        TrainingError: the checkpoint is of another network or reads other plates.
        CheckpointError: the file cannot be used.
    """
    if start_from is None:
        network = create(config.architecture, plate_format, config.classifier)
    else:
        network = load_checkpoint(start_from)
        theirs = {"architecture": network.config.name, "classifier": network.config.classifier}
        ours = {"architecture": config.architecture, "classifier": config.classifier}
        if config.transfer:
            _check_same(start_from, theirs, ours)
            network = transfer(network, plate_format)
        else:
            advice = "; use its plate format, or --transfer to take over what both read"
            _check_same(start_from, theirs | _reads(network.plate_format), ours | _reads(plate_format), advice)
    # Convolutions on a CPU are half as fast again with the channels last (measured: 1.5 times on two cores).
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def check_reads_same(path: Path, theirs: PlateFormat, ours: PlateFormat) -> None:
    """Refuse a checkpoint whose outputs mean something else than ours.

    Raises:
        TrainingError: it reads other plates.
    """
    _check_same(path, _reads(theirs), _reads(ours))


def _check_same(path: Path, theirs: dict[str, Any], ours: dict[str, Any], advice: str = "") -> None:
    different = [f"{key} {theirs[key]}, this run trains {value}" for key, value in ours.items() if theirs[key] != value]
    if different:
        raise TrainingError(f"{path}: is a checkpoint for {'; '.join(different)}{advice}")


def _reads(plate_format: PlateFormat) -> dict[str, Any]:
    """What weights depend on; names and patterns of plate formats they do not."""
    described: dict[str, Any] = {"alphabet": plate_format.alphabet, "positions": plate_format.positions}
    return described | {"void": plate_format.void, "input size": plate_format.height_width}
