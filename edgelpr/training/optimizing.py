"""Optimiser and learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import Optimizer

from edgelpr.training.config import TrainingConfig

_FLOOR = 0.01


def make_optimizer(config: TrainingConfig, network: nn.Module) -> Optimizer:
    """The optimiser a configuration names, over all weights."""
    if config.optimizer == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), lr=config.learning_rate)
    return torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to a hundredth; ``step`` counts from 0."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    along = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * (_FLOOR + (1 - _FLOOR) * (1 + math.cos(math.pi * along)) / 2)
