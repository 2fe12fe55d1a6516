"""What defines a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgelpr.errors import TrainingError
from edgelpr.types import Classifier


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the outcome of a run, apart from the data itself.

    Raises:
        TrainingError: a value out of range.
    """

    architecture: str = "hpa-nano"
    """A name of ``edgelpr.models.hpa.ARCHITECTURES``."""

    classifier: Classifier = "shared"
    """Shared, as in the paper, or one of its ablations."""

    steps: int = 10_000
    """Optimiser steps of the whole run."""

    batch: int = 96
    """Crops a step; the paper's is 256."""

    optimizer: Literal["adamw", "rmsprop"] = "adamw"
    """``rmsprop`` is the paper's, with a learning rate of 2e-5; ``adamw`` is ours."""

    learning_rate: float = 2e-3
    """Highest learning rate, reached after the warm-up."""

    warmup: int = 300
    """Steps of linear warm-up; a half cosine follows, down to a hundredth."""

    weight_decay: float = 1e-4
    """For ``adamw``."""

    semantic_weight: float = 1.0
    """The paper's alpha 1; 0 switches the supervision off."""

    position_weight: float = 1.0
    """The paper's alpha 2; 0 switches the supervision off."""

    averaging: float = 0.999
    """Decay of the exponential moving average of the weights; 0 switches it off."""

    real_share: float = 0.0
    """Share of real crops among all, when there are any."""

    half: bool = False
    """bfloat16 arithmetic where it is safe."""

    seed: int = 0
    """Decides initial weights and every sample."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate"):
            if getattr(self, name) <= 0:
                raise TrainingError(f"{name} is {getattr(self, name)}; expected more than 0")
        for name in ("averaging", "real_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(f"{name} is {getattr(self, name)}; expected 0 to 1")
        for name in ("warmup", "weight_decay", "semantic_weight", "position_weight", "seed"):
            if getattr(self, name) < 0:
                raise TrainingError(f"{name} is {getattr(self, name)}; expected 0 or more")
