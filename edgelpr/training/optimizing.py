"""Optimiser and learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import Optimizer

from edgelpr.training.config import TrainingConfig
from edgelpr.training.stages import stage_at

_FLOOR = 0.01


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
