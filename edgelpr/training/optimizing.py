"""Optimiser and learning rate."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from edgelpr.training.config import TrainingConfig
from edgelpr.training.stages import stage_at
from edgelpr.training.state import Parts

_FLOOR = 0.01
_LONGEST_GRADIENT = 5.0


def make_optimizer(config: TrainingConfig, network: nn.Module) -> Optimizer:
    """The optimiser a configuration names, over all weights; those that a stage freezes get no gradient and stay."""
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), lr=config.learning_rate)
    return torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to a hundredth, or no change; anew in every stage.

    Args:
        config: names rate, warm-up and schedule.
        step: of the whole run, counted from 0.
    """
    stage = stage_at(config, step)
    step, steps = step - stage.first, stage.end - stage.first
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    if config.learning_rate_schedule == "constant":
        return config.learning_rate
    along = (step - config.warmup) / max(1, steps - config.warmup)
    return config.learning_rate * (_FLOOR + (1 - _FLOOR) * (1 + math.cos(math.pi * along)) / 2)


def change_weights(parts: Parts[Any]) -> None:
    """Take one step along the gradients that the network holds, shortened where they are too long together."""
    optimizer, scaler = parts.optimizer, parts.scaler
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(parts.network.parameters(), _LONGEST_GRADIENT)
    scaler.step(optimizer)
    scaler.update()
