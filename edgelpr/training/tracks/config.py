"""What defines a training run of IQ-STAN."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from edgelpr.errors import TrainingError
from edgelpr.types import QualityUse


@dataclass(frozen=True)
class TrackConfig:
    """Everything that decides the outcome of a run, apart from the data itself.

    The paper: Adam, batch 10, learning rate 0.001, l2 regularisation with weight 0.5. That weight on the sum of squared
    weights would outweigh both losses by far, so it is taken for a matter of scale, and AdamW's decay stands in for it.

    Raises:
        TrainingError: a value out of range.
    """

    architecture: str = "iq-stan"
    """Tells a recipe of tracks from one of single crops."""

    quality: QualityUse = "branch+attention"
    """Which parts the network has; ``none`` is the paper's baseline."""

    steps: int = 20_000
    """Optimiser steps of the whole run."""

    batch: int = 48
    """Tracks a step."""

    learning_rate: float = 1.5e-3
    """Highest learning rate, reached after the warm-up, then half a cosine down to a hundredth."""

    warmup: int = 300
    """Steps of linear warm-up."""

    weight_decay: float = 1e-3
    """Of AdamW."""

    quality_weight: float = 0.5
    """Weight of the quality loss, and 1 less it that of the recognition loss: the paper's 1 - mu. 0 without a branch."""

    averaging: float = 0.999
    """Decay of the exponential moving average of the weights; 0 switches it off."""

    easing: int = 3000
    """Steps over which tracks grow from mild to hard (ours): where the decoder looks is learned on mild ones."""

    easiest: float = 0.15
    """Hardness of the first tracks, 0 to 1."""

    few_frames: float = 0.35
    """Share of tracks with fewer than five frames, as many as chance has it."""

    own_choice: float = 0.1
    """Share of characters whose successor is told the decoder's own choice instead of the truth."""

    real_share: float = 0.0
    """Share of tracks made from real crops, when there are any."""

    real_weights: str = ""
    """How often each set of real crops is drawn, for example ``2,1``; equally often when empty."""

    half: bool = False
    """bfloat16 where it is safe."""

    seed: int = 0
    """Decides initial weights and every sample."""

    def __post_init__(self) -> None:
        self._check("architecture", lambda value: value == "iq-stan", "iq-stan")
        self._check("quality", get_args(QualityUse).__contains__, f"one of {', '.join(get_args(QualityUse))}")
        for name in ("steps", "learning_rate"):
            self._check(name, lambda value: 0 < value < math.inf, "more than 0")
        self._check("batch", lambda value: value >= 2, "2 or more, because one track has no statistics")
        for name in ("averaging", "real_share", "easiest", "few_frames", "own_choice"):
            self._check(name, lambda value: 0 <= value <= 1, "0 to 1")
        self._check("quality_weight", lambda value: 0 <= value < 1, "0 to below 1")
        for name in ("warmup", "weight_decay", "easing", "seed"):
            self._check(name, lambda value: 0 <= value < math.inf, "0 or more")
        _ = self.weights_of_real_sets

    @property
    def weights_of_real_sets(self) -> tuple[float, ...]:
        """``real_weights`` as numbers."""
        try:
            weights = tuple(float(part) for part in self.real_weights.split(",")) if self.real_weights else ()
        except ValueError as error:
            raise TrainingError(f"real_weights is {self.real_weights!r}; expected numbers between commas, e.g. 2,1") from error
        if not all(0 < weight < math.inf for weight in weights):
            raise TrainingError(f"real_weights is {self.real_weights}; expected numbers above 0")
        return weights

    def hardness(self, step: int) -> float:
        """Of the tracks of a step: as mild as ``easiest`` at first, 1 after ``easing`` steps."""
        return 1.0 if step >= self.easing else self.easiest + (1 - self.easiest) * step / self.easing

    def learning_rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to a hundredth."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        along = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2)

    def _check(self, name: str, right: Callable[[Any], bool], expected: str) -> None:
        value = getattr(self, name)
        if not right(value):  # NaN fails every comparison
            raise TrainingError(f"{name} is {value}; expected {expected}")
