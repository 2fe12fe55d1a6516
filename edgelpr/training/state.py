"""The state of a run on disk, so that it can go on where it stopped."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

from edgelpr.atomic import write_atomically
from edgelpr.data import writing
from edgelpr.errors import TrainingError
from edgelpr.training.averaging import Average
from edgelpr.training.identity import absent_values

_Network = TypeVar("_Network", bound=nn.Module)

STATE_FILE = "state.pt"
"""Name of the file inside the folder of a run."""


@dataclass
class Tally:
    """What a run counts."""

    seconds: float = 0.0
    """Time spent training, over all sittings."""

    best_correct: int = -1
    """Plates right in the best validation so far; below 0 before the first."""

    best_step: int = 0
    """Steps done when that was."""

    measured_on: dict[str, Any] | None = None
    """The plates of that validation, as ``Validation.measured_on`` tells them; None before the first."""

    def forget_other_best(self, measured_on: dict[str, Any]) -> bool:
        """Start looking for the best anew where it was found on other plates.

        Returns:
            Whether there was such a one.
        """
        if self.best_correct < 0 or self.measured_on == measured_on:
            return False
        self.best_correct, self.best_step = -1, 0
        return True


@dataclass(frozen=True)
class Parts(Generic[_Network]):
    """What a run changes from step to step."""

    network: _Network
    """The one being trained."""

    average: Average[_Network]
    """Its moving average."""

    optimizer: Optimizer
    """With its own state."""

    scaler: GradScaler = field(default_factory=lambda: GradScaler("cpu", enabled=False))
    """Of gradients, for float16; does nothing otherwise."""

    tally: Tally = field(default_factory=Tally)
    """Counts that outlive a sitting."""

    def state(self) -> dict[str, Any]:
        """Tensors and plain values by name."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "tally": asdict(self.tally),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        if state.get("scaler"):  # empty where nothing was scaled; absent in states of earlier versions
            self.scaler.load_state_dict(state["scaler"])
        for name, value in state.get("tally", {}).items():
            setattr(self.tally, name, value)


def make_folder(folder: Path) -> None:
    """Make the folder of a run, where it is absent.

    Raises:
        TrainingError: it cannot be made.
    """
    writing.make_folder(folder, "cannot be made a folder for the run", TrainingError)


def save_state(folder: Path, step: int, identity: Mapping[str, Any], parts: Parts[Any]) -> None:
    """Write the state; an interrupted write leaves the former one whole.

    Args:
        folder: of the run.
        step: steps done.
        identity: plain values that decide the run; resuming asks for the same.
        parts: what to keep.

    Raises:
        TrainingError: the disk is full, or the folder cannot be written.
    """
    content = io.BytesIO()
    torch.save({"step": step, "identity": dict(identity), **parts.state()}, content)
    path = folder / STATE_FILE
    try:
        write_atomically(path, content.getvalue())
    except OSError as error:
        reason = error.strerror or str(error)
        raise TrainingError(f"{path}: cannot be written ({reason}); free some space and start again to go on") from error


def load_state(folder: Path, identity: Mapping[str, Any], parts: Parts[Any]) -> int:
    """Restore a run from its folder.

    Returns:
        The number of steps done; 0 when the folder holds no state.

    Raises:
        TrainingError: the state is damaged, or belongs to a run with other settings, plates or data.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        return 0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs, step = dict(state["identity"]), int(state["step"])
    except (KeyError, TypeError, RuntimeError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path}: damaged, or not the state of a run; delete it to start anew") from error
    _check_same(path, absent_values(identity) | theirs, identity)
    try:
        parts.load(state)
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise TrainingError(f"{path}: does not fit this network; delete it to start anew") from error
    return step


def _check_same(path: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    different = [f"{key} was {theirs.get(key)}, now {value}" for key, value in ours.items() if theirs.get(key) != value]
    if different:
        what = "; ".join(different)
        raise TrainingError(f"{path}: the run was started with other settings: {what}. Use them, or another folder")
