"""Training together or one after the other (paper, table 5).

The paper says of one-by-one training that "the trained network is frozen" for those that follow, and does not say with
which of them the backbone is trained. Our reading: the backbone trains with the first stage and is frozen with it.
Frozen means weights and the statistics of batch normalisation alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from edgelpr.models.hpa import Hpa
from edgelpr.training.config import TrainingConfig


@dataclass(frozen=True)
class Stage:
    """Some steps of a run in which some of the networks are trained."""

    letters: str
    """What is trained and by which supervision: of S (semantic), P (position), C (classifier, character sequence)."""

    first: int
    """Its first step, counted from 0."""

    end: int
    """The step after its last one."""

    def prepare(self, network: Hpa) -> None:
        """Let this stage's parts train, and hold all others still."""
        network.eval().requires_grad_(False)
        for part in self._parts(network):
            part.train().requires_grad_(True)

    def _parts(self, network: Hpa) -> list[nn.Module]:
        owners: dict[str, nn.Module | None] = {"S": network.semantic, "P": network.position, "C": network.classifiers}
        parts = [owners[letter] for letter in self.letters]
        backbone = [network.spatial, network.context] if self.first == 0 else []
        return [part for part in (*backbone, *parts) if part is not None]


def stages_of(config: TrainingConfig) -> tuple[Stage, ...]:
    """The stages of a run, in order; a single one when all is trained together."""
    stages, first = [], 0
    for letters, steps in zip(config.stages.split(">"), config.steps_of_stages):
        stages.append(Stage(letters.replace("+", ""), first, first + steps))
        first += steps
    return tuple(stages)


def stage_at(config: TrainingConfig, step: int) -> Stage:
    """The stage that a step belongs to; steps count from 0."""
    stages = stages_of(config)
    return next((stage for stage in stages if step < stage.end), stages[-1])
