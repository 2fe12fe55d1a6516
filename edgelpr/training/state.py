"""The state of a run on disk, so that it can go on where it stopped."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from edgelpr.errors import TrainingError
from edgelpr.training.averaging import Average
from edgelpr.training.config import TrainingConfig

STATE_FILE = "state.pt"
"""Name of the file inside the folder of a run."""


def save_state(
    folder: Path, step: int, config: TrainingConfig, network: nn.Module, average: Average[Any], optimizer: Optimizer
) -> None:
    """Write the state; an interrupted write leaves the former one whole."""
    state = {
        "step": step,
        "config": asdict(config),
        "network": network.state_dict(),
        "average": average.network.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    temporary = folder / f".{STATE_FILE}.writing"
    try:
        torch.save(state, temporary)
        temporary.replace(folder / STATE_FILE)
    finally:
        temporary.unlink(missing_ok=True)


def load_state(folder: Path, config: TrainingConfig, network: nn.Module, average: Average[Any], optimizer: Optimizer) -> int:
    """Restore a run from its folder.

    Returns:
        The number of steps done; 0 when the folder holds no state.

    Raises:
        TrainingError: the state is damaged, or belongs to a run with other settings.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        return 0
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        _check_same(path, state["config"], asdict(config))
        network.load_state_dict(state["network"])
        average.network.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])
    except (KeyError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"{path}: not the state of this run ({reason}); delete it to start anew") from error


def _check_same(path: Path, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    different = [f"{key} was {theirs.get(key)}, now {value}" for key, value in ours.items() if theirs.get(key) != value]
    if different:
        what = "; ".join(different)
        raise TrainingError(f"{path}: the run was started with other settings: {what}. Use them, or another folder")
