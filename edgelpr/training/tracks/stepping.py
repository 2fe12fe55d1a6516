"""One step of the optimiser on a batch of tracks."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from edgelpr.errors import TrainingError
from edgelpr.models.iq_stan import IqStan
from edgelpr.training.distributed import Group
from edgelpr.training.optimizing import change_weights
from edgelpr.training.precision import Arithmetic
from edgelpr.training.state import Parts
from edgelpr.training.tracks.config import TrackConfig
from edgelpr.training.tracks.losses import track_losses
from edgelpr.training.tracks.samples import TrackSample


class TrackOutcome(NamedTuple):
    """Figures of one step, means over its tracks, those of all processes."""

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

    Losses are means over the tracks of each process, and then over those: with shares of one size, over all tracks.

    Args:
        config: of the run.
        parts: what it changes; in several processes the weights become those of the first one.
        group: this process among its fellows.
        device: of the network.
    """

    def __init__(self, config: TrackConfig, parts: Parts[IqStan], group: Group, device: torch.device) -> None:
        self._config, self._parts, self._group, self._device = config, parts, group, device
        self._arithmetic = Arithmetic.of(config.half, device.type)
        self._called = group.spread(parts.network, device)

    def take(self, step: int, sample: TrackSample) -> TrackOutcome:
        """Change the weights once.

        Args:
            step: counted from 0.
            sample: this process's tracks.

        Raises:
            TrainingError: the loss is no longer finite; the weights are those before the step.
        """
        optimizer, network = self._parts.optimizer, self._parts.network
        for rates in optimizer.param_groups:
            rates["lr"] = self._config.learning_rate_at(step)
        batch = TrackSample(*(part.to(self._device, non_blocking=True) for part in sample))
        network.train()
        told = begin_draws(self._config, self._group, step, batch.classes)
        with self._arithmetic.autocast():
            output = self._called(batch.frames.float() / 255, batch.present, told)
        losses = track_losses(output, batch, self._config.quality_weight)
        right = (output.logits.detach().argmax(2) == batch.classes).all(1).float().mean()
        figures = torch.stack([*(loss.detach() for loss in losses), right])
        outcome = TrackOutcome(*self._group.mean(figures).tolist())
        if not all(math.isfinite(figure) for figure in outcome):  # of all processes: all of them stop
            raise TrainingError(f"the loss at step {step + 1} is not finite; start anew elsewhere with a lower learning_rate")
        optimizer.zero_grad(set_to_none=True)
        self._parts.scaler.scale(losses.total).backward()  # type: ignore[no-untyped-call]
        change_weights(self._parts)
        self._parts.average.update(network, step)
        return outcome


def begin_draws(config: TrackConfig, group: Group, step: int, classes: Tensor) -> Tensor:
    """Seed a step's random draws, dropout included, and make the first one: which characters the decoder chooses itself.

    That is drawn for the tracks of all processes, so that it does not depend on who works on them. What is dropped later is
    drawn by each process for its own tracks.

    Args:
        config: of the run.
        group: this process among its fellows.
        step: counted from 0.
        classes: (N, P) true classes of this process's tracks.

    Returns:
        (N, P) what the decoder is told: the truth, here and there -1 for its own choice.
    """
    count = len(classes)
    torch.manual_seed(config.seed * 1_000_003 + step)  # of the step: a resumed run draws the same
    drawn = torch.rand(count * group.size, *classes.shape[1:])[group.rank * count :][:count]
    if group.rank:
        # Hashed, because a generator on a CPU takes no more than 32 bits: sums would meet the seeds of other steps.
        torch.manual_seed(int(np.random.SeedSequence((config.seed, step, group.rank)).generate_state(1)[0]))
    return classes.masked_fill(drawn.to(classes.device) < config.own_choice, -1)
