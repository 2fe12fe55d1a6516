"""One step of the optimiser, whatever takes part in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from edgelpr.errors import TrainingError
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa
from edgelpr.training.config import TrainingConfig
from edgelpr.training.distilling import distillation_loss
from edgelpr.training.distributed import Group
from edgelpr.training.losses import hpa_loss
from edgelpr.training.native import NativeForward
from edgelpr.training.optimizing import change_weights, learning_rate
from edgelpr.training.outcome import Outcome
from edgelpr.training.precision import Arithmetic
from edgelpr.training.quantising import FakeQuantisation, round_result
from edgelpr.training.samples import Sample
from edgelpr.training.stages import Stage, stage_at
from edgelpr.training.state import Parts


class Stepper:
    """Takes the steps of a run.

    Losses are means over the crops of each part of a step and each process, and then over those. With parts of one
    size that is the mean over all crops; S and P, which count only plates with boxes, differ a little where real
    crops are mixed in.

    Args:
        config: of the run.
        parts: what it changes.
        group: this process among its fellows.
        device: of the network.
        teacher: network to learn from.
    """

    def __init__(
        self, config: TrainingConfig, parts: Parts[Hpa], group: Group, device: torch.device, teacher: Hpa | None
    ) -> None:
        self._config, self._parts, self._group, self._device, self._teacher = config, parts, group, device, teacher
        self._arithmetic = Arithmetic.of(config.half, device.type)
        self._door = GreyDoor(3, torch.float32)
        self._rounding = FakeQuantisation(parts.network) if config.quantisation_aware else None
        self._stage: Stage | None = None
        self._called: torch.nn.Module = parts.network

    def take(self, step: int, batch: Sequence[Sample]) -> Outcome:
        """Change the weights once.

        Args:
            step: counted from 0.
            batch: this process's crops, in as many parts as fit the memory.

        Raises:
            TrainingError: the loss is no longer finite; the weights are those before the step.
        """
        stage = self._enter(step)
        for rates in self._parts.optimizer.param_groups:
            rates["lr"] = learning_rate(self._config, step)
        self._parts.optimizer.zero_grad(set_to_none=True)
        figures = torch.zeros(len(Outcome.__dataclass_fields__), device=self._device)
        for number, part in enumerate(batch, start=1):
            with self._apart(last=number == len(batch)), self._rounded():
                figures += self._work(part, stage, len(batch))
        outcome = Outcome(*self._group.mean(figures).tolist())
        if not all(math.isfinite(figure) for figure in astuple(outcome)):  # of all processes: all of them stop
            raise TrainingError(f"the loss at step {step + 1} is not finite; start anew elsewhere with a lower --learning-rate")
        change_weights(self._parts)
        self._parts.average.update(self._parts.network, step - stage.first)
        return outcome

    def _enter(self, step: int) -> Stage:
        stage = stage_at(self._config, step)
        if stage != self._stage:
            stage.prepare(self._parts.network)
            if step == stage.first > 0:
                self._parts.average.restart(self._parts.network)  # what is frozen now is final, so is its average
            called = NativeForward(self._parts.network, None if self._rounding is None else round_result)
            self._called = self._group.spread(called, self._device)
            self._stage = stage
        return stage

    def _apart(self, last: bool) -> AbstractContextManager[object]:
        """Processes exchange gradients once a step, with its last part."""
        together = isinstance(self._called, DistributedDataParallel)
        return self._called.no_sync() if together and not last else nullcontext()  # type: ignore[operator]

    def _rounded(self) -> AbstractContextManager[object]:
        return nullcontext() if self._rounding is None else self._rounding.rounded()

    def _work(self, part: Sample, stage: Stage, parts: int) -> Tensor:
        """Add the gradients of some crops; their share of the step's figures."""
        crops, classes, boxes = (field.to(self._device, non_blocking=True) for field in part)
        inputs = self._door(crops).contiguous(memory_format=torch.channels_last)
        with self._arithmetic.autocast():
            output = self._called(inputs)
        losses = hpa_loss(output, classes, boxes, self._config, stage.letters)
        taught = losses.total.new_zeros(())
        if self._teacher is not None:
            with torch.no_grad(), self._arithmetic.autocast():
                example = self._teacher(inputs)
            taught = distillation_loss(output, example, self._config, stage.letters)
        total = losses.total + taught
        self._parts.scaler.scale(total / parts).backward()  # type: ignore[no-untyped-call]
        right = (output.logits.detach().argmax(-1) == classes).all(dim=1).float().mean()
        figures = (total, losses.sequence, losses.semantic, losses.position, taught, right)
        return torch.stack([figure.detach() for figure in figures]) / parts
