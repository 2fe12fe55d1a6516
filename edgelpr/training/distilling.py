"""Learning from a larger network that reads the same plates (ours; the paper has none of it).

Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015: the class scores of both networks, softened
by a temperature, are compared. HPA maps are distributions already and are compared as they are.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from edgelpr.errors import TrainingError
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.hpa import Hpa, HpaOutput
from edgelpr.training.config import TrainingConfig
from edgelpr.training.starting import check_reads_same

_TINY = 1e-6


def load_teacher(path: Path | None, config: TrainingConfig, student: Hpa) -> Hpa | None:
    """The teacher a run asks for, in evaluation mode; None without one.

    Raises:
        TrainingError: a teacher without a weight, a weight without a teacher, or a teacher that reads other plates.
        CheckpointError: the file cannot be used.
    """
    wanted = config.distillation_weight > 0 or config.distillation_maps_weight > 0
    if path is None:
        if wanted:
            raise TrainingError("a weight of distillation was set, but there is no teacher: name its file with --teacher")
        return None
    if not wanted:
        raise TrainingError(
            f"{path}: is named as teacher, but both weights of distillation are 0: say how much it counts, for example "
            "--distillation-weight 1"
        )
    teacher = load_checkpoint(path)
    check_reads_same(path, teacher.plate_format, student.plate_format)
    if config.distillation_maps_weight > 0 and (teacher.position is None or student.position is None):
        raise TrainingError(f"{path}: distillation_maps_weight needs HPA maps on both sides, and separate-no-maps has none")
    return teacher.requires_grad_(False).eval()


def distillation_loss(output: HpaOutput, taught: HpaOutput, config: TrainingConfig, letters: str) -> Tensor:
    """Divergence (Kullback-Leibler) from the teacher's outputs, weighted; a scalar with gradients.

    Class scores count while the classifier trains: summed over positions, mean over plates, times the squared
    temperature, which keeps their gradients' size. Maps count while the position network trains: mean over places.

    Args:
        output: of the network that learns.
        taught: of the teacher for the same crops.
        config: weights and temperature.
        letters: what trains now, of S, P and C.
    """
    total = output.logits.new_zeros((), dtype=torch.float32)
    if config.distillation_weight > 0 and "C" in letters:
        heat = config.distillation_temperature
        ours, theirs = (functional.log_softmax(scores.float() / heat, dim=-1) for scores in (output.logits, taught.logits))
        divergence = functional.kl_div(ours, theirs, reduction="none", log_target=True).sum(dim=(1, 2)).mean()
        total = total + config.distillation_weight * heat * heat * divergence
    if config.distillation_maps_weight > 0 and "P" in letters and output.position is not None and taught.position is not None:
        mine, wanted = (maps.float().clamp_min(_TINY).log() for maps in (output.position, taught.position))
        divergence = functional.kl_div(mine, wanted, reduction="none", log_target=True).sum(dim=1).mean()
        total = total + config.distillation_maps_weight * divergence
    return total
