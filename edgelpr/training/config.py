"""What defines a training run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from edgelpr.errors import TrainingError
from edgelpr.types import Classifier, Optimiser, RateSchedule, Stages


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the outcome of a run, apart from the data itself.

    Raises:
        TrainingError: a value out of range, or settings that contradict each other.
    """

    architecture: str = "hpa-nano"
    """A name of ``edgelpr.models.hpa.ARCHITECTURES``."""

    classifier: Classifier = "shared"
    """Shared, as in the paper, or one of its ablations."""

    steps: int = 10_000
    """Optimiser steps of the whole run."""

    batch: int = 96
    """Crops a step, of all processes together; the paper's is 256."""

    accumulate: int = 1
    """Parts that a step's crops are worked through in, one after the other, so that large batches fit small memories."""

    optimizer: Optimiser = "adamw"
    """``rmsprop`` is the paper's, with a learning rate of 2e-5; ``adamw`` is ours."""

    learning_rate: float = 2e-3
    """Highest learning rate, reached after the warm-up."""

    learning_rate_schedule: RateSchedule = "cosine"
    """What follows the warm-up; the paper states no decay, ``constant`` is our reading of it."""

    warmup: int = 300
    """Steps of linear warm-up, at the start of every stage."""

    weight_decay: float = 1e-4
    """For ``adamw``."""

    stages: Stages = "S+P+C"
    """Paper, table 5: the order in which semantic network, position network and classifier are trained."""

    stage_steps: str = ""
    """Steps of each stage, for example ``4000,2000,4000``; equal shares when empty."""

    semantic_weight: float = 1.0
    """The paper's alpha 1; 0 switches the supervision off."""

    position_weight: float = 1.0
    """The paper's alpha 2; 0 switches the supervision off."""

    distillation_weight: float = 0.0
    """Weight of learning a teacher's class scores, when there is one (ours)."""

    distillation_maps_weight: float = 0.0
    """Weight of learning a teacher's HPA maps, when there is one (ours)."""

    distillation_temperature: float = 2.0
    """Softens class scores of teacher and network before they are compared."""

    averaging: float = 0.999
    """Decay of the exponential moving average of the weights; 0 switches it off."""

    pool: int = 0
    """Rendered plates that are drawn once and then taken in turn, each time varied a little; 0 draws each anew."""

    track_frames: bool = False
    """Whether crops are frames of tracks as ``TrackConfig`` draws them, for a reader of single frames to fuse (ours)."""

    real_share: float = 0.0
    """Share of real crops among all, when there are any."""

    real_weights: str = ""
    """How often each set of real crops is drawn, for example ``2,1``; equally often when empty."""

    transfer: bool = False
    """Whether the checkpoint to start from may read other plates: what both read is taken from it (ours)."""

    quantisation_aware: bool = False
    """Whether weights and activations are rounded as INT8 will round them; see ``edgelpr.training.quantising`` (ours)."""

    half: bool = False
    """Half precision where it is safe: bfloat16, or float16 with scaled gradients on a GPU without it."""

    seed: int = 0
    """Decides initial weights and every sample."""

    def __post_init__(self) -> None:
        choices = {"classifier": Classifier, "optimizer": Optimiser, "learning_rate_schedule": RateSchedule, "stages": Stages}
        for name, kind in choices.items():
            self._check(name, get_args(kind).__contains__, f"one of {', '.join(get_args(kind))}")
        for name in ("steps", "batch", "accumulate", "learning_rate", "distillation_temperature"):
            self._check(name, lambda value: 0 < value < math.inf, "more than 0")
        for name in ("averaging", "real_share"):
            self._check(name, lambda value: 0 <= value <= 1, "0 to 1")
        weights = ("semantic_weight", "position_weight", "distillation_weight", "distillation_maps_weight")
        for name in ("warmup", "weight_decay", *weights, "pool", "seed"):
            self._check(name, lambda value: 0 <= value < math.inf, "0 or more")
        self._check("accumulate", lambda value: self.batch % value == 0, f"a divisor of the batch, {self.batch}")
        self._check_track_frames()
        self._check_stages()
        _ = self.weights_of_real_sets

    @property
    def weights_of_real_sets(self) -> tuple[float, ...]:
        """``real_weights`` as numbers."""
        return self._numbers("real_weights")

    @property
    def steps_of_stages(self) -> tuple[int, ...]:
        """Steps of each stage, in order; the last one takes what equal shares leave over."""
        count = len(self.stages.split(">"))
        if self.stage_steps:
            return tuple(int(number) for number in self._numbers("stage_steps"))
        share = self.steps // count
        return (*(share,) * (count - 1), self.steps - share * (count - 1))

    def _check_track_frames(self) -> None:
        if self.track_frames and self.pool:
            raise TrainingError(f"pool is {self.pool}, but it keeps single plates; expected 0 with track_frames")
        if self.track_frames and ">" in self.stages:
            raise TrainingError(
                f"stages is {self.stages}, but in frames of tracks no character's place is known, so that S and P cannot train "
                "alone; expected S+P+C"
            )

    def _check_stages(self) -> None:
        alone = [stage for stage in self.stages.split(">") if "C" not in stage]
        for letter, name in (("S", "semantic_weight"), ("P", "position_weight")):
            if getattr(self, name) == 0 and any(letter in stage.split("+") for stage in alone):
                raise TrainingError(
                    f"{name} is 0, but the stages {self.stages} train {letter} by that supervision alone; "
                    "expected a weight above 0, or the stages S+P+C"
                )
        if self.classifier == "separate-no-maps" and alone:
            raise TrainingError(
                f"stages is {self.stages}, but the classifier separate-no-maps has no position network to train"
            )
        whole = all(number.is_integer() for number in self._numbers("stage_steps"))
        steps, count = self.steps_of_stages, self.stages.count(">") + 1
        if not whole or len(steps) != count or min(steps) < 1 or sum(steps) != self.steps:
            found = self.stage_steps or self.steps
            raise TrainingError(
                f"stage_steps is {found}; expected {count} whole numbers above 0 that sum to steps, {self.steps}"
            )

    def _numbers(self, name: str) -> tuple[float, ...]:
        text = getattr(self, name)
        try:
            numbers = tuple(float(part) for part in text.split(",")) if text else ()
        except ValueError as error:
            raise TrainingError(f"{name} is {text!r}; expected numbers between commas, for example 2,1") from error
        if not all(0 < number < math.inf for number in numbers):
            raise TrainingError(f"{name} is {text}; expected numbers above 0")
        return numbers

    def _check(self, name: str, right: Callable[[Any], bool], expected: str) -> None:
        value = getattr(self, name)
        if not right(value):  # NaN fails every comparison
            raise TrainingError(f"{name} is {value}; expected {expected}")
