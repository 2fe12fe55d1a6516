"""One step of the optimiser on a batch of tracks."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from edgelpr.errors import TrainingError
from edgelpr.models.iq_stan import IqStan
from edgelpr.training.optimizing import change_weights
from edgelpr.training.precision import Arithmetic
from edgelpr.training.state import Parts
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.losses import track_losses
from edgelpr.training.tracks.samples import TrackSample


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


class TrackStepper:
    """Takes the steps of a run.

    Args:
        config: of the run.
        parts: what it changes.
        device: of the network.
    """

    def __init__(self, config: TrackConfig, parts: Parts[IqStan], device: torch.device) -> None:
        self._config, self._parts, self._device = config, parts, device
        self._arithmetic = Arithmetic.of(config.half, device.type)

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
        self._parts.scaler.scale(losses.total).backward()  # type: ignore[no-untyped-call]
        change_weights(self._parts)
        self._parts.average.update(network, step)
        return outcome

    def _told(self, classes: Tensor) -> Tensor:
        """True classes, here and there -1 for the decoder's own choice."""
        own = torch.rand(classes.shape).to(classes.device) < self._config.own_choice
        return classes.masked_fill(own, -1)
