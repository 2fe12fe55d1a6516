"""What defines a training run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from edgelpr.errors import TrainingError
from edgelpr.types import Classifier

Optimiser = Literal["adamw", "rmsprop"]
"""``rmsprop`` is the paper's, ``adamw`` ours."""

OPTIMIZERS: tuple[str, ...] = get_args(Optimiser)
"""Names of the optimisers."""


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

    optimizer: Optimiser = "adamw"
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
        self._check("classifier", lambda value: value in get_args(Classifier), f"one of {', '.join(get_args(Classifier))}")
        self._check("optimizer", lambda value: value in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}")
        for name in ("steps", "batch", "learning_rate"):
            self._check(name, lambda value: 0 < value < math.inf, "more than 0")
        for name in ("averaging", "real_share"):
            self._check(name, lambda value: 0 <= value <= 1, "0 to 1")
        for name in ("warmup", "weight_decay", "semantic_weight", "position_weight", "seed"):
            self._check(name, lambda value: 0 <= value < math.inf, "0 or more")

    def _check(self, name: str, right: Callable[[Any], bool], expected: str) -> None:
        value = getattr(self, name)
        if not right(value):  # NaN fails every comparison
            raise TrainingError(f"{name} is {value}; expected {expected}")
