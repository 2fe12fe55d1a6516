"""One step of the optimiser on a batch of tracks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from edgelpr.errors import TrainingError
from edgelpr.models.iq_stan import IqStan
from edgelpr.training.averaging import Average
from edgelpr.training.precision import Arithmetic
from edgelpr.training.state import Tally
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.losses import track_losses
from edgelpr.training.tracks.samples import TrackSample

_LONGEST_GRADIENT = 5.0


class TrackOutcome(NamedTuple):
    """Figures of one step, means over its tracks."""

    loss: float
    """Weighted sum of the two below."""

    recognition: float
    """Cross entropy summed over characters."""

    quality: float
    """Distance between score and label, summed over frames."""

    plates_right: float
    """Share of plates whose characters were all right, most of them told the truth before."""


@dataclass(frozen=True)
class TrackParts:
    """What a run changes from step to step."""

    network: IqStan
    """The one being trained."""

    average: Average[IqStan]
    """Its moving average."""

    optimizer: Optimizer
    """With its own state."""

    tally: Tally = field(default_factory=Tally)
    """Counts that outlive a sitting."""

    def state(self) -> dict[str, Any]:
        """Tensors and plain values by name."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "tally": asdict(self.tally),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, value in state["tally"].items():
            setattr(self.tally, name, value)


class TrackStepper:
    """Takes the steps of a run.

    Args:
        config: of the run.
        parts: what it changes.
        device: of the network.
    """

    def __init__(self, config: TrackConfig, parts: TrackParts, device: torch.device) -> None:
        self._config, self._parts, self._device = config, parts, device
        self._arithmetic = Arithmetic.of(config.half, device.type)
        self._scaler = self._arithmetic.scaler()

    def take(self, step: int, sample: TrackSample) -> TrackOutcome:
        """Change the weights once.

        Args:
            step: counted from 0.
            sample: the batch.

        Raises:
            TrainingError: the loss is no longer finite; the weights are those before the step.
        """
        optimizer, network = self._parts.optimizer, self._parts.network
        torch.manual_seed(self._config.seed * 1_000_003 + step)  # of the dropout too: a resumed run draws the same
        for rates in optimizer.param_groups:
            rates["lr"] = self._config.learning_rate_at(step)
        batch = TrackSample(*(part.to(self._device, non_blocking=True) for part in sample))
        network.train()
        with self._arithmetic.autocast():
            output = network(batch.frames.float() / 255, batch.present, self._told(batch.classes))
        losses = track_losses(output, batch, self._config.quality_weight)
        right = (output.logits.detach().argmax(2) == batch.classes).all(1).float().mean()
        outcome = TrackOutcome(*torch.stack([*(loss.detach() for loss in losses), right]).tolist())
        if not all(math.isfinite(figure) for figure in outcome):
            raise TrainingError(f"the loss at step {step + 1} is not finite; start anew elsewhere with a lower learning_rate")
        optimizer.zero_grad(set_to_none=True)
        self._change(losses.total)
        self._parts.average.update(network, step)
        return outcome

    def _told(self, classes: Tensor) -> Tensor:
        """True classes, here and there -1 for the decoder's own choice."""
        own = torch.rand(classes.shape).to(classes.device) < self._config.own_choice
        return classes.masked_fill(own, -1)

    def _change(self, loss: Tensor) -> None:
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._parts.optimizer)
        torch.nn.utils.clip_grad_norm_(self._parts.network.parameters(), _LONGEST_GRADIENT)
        self._scaler.step(self._parts.optimizer)
        self._scaler.update()
