"""The paper's loss: character sequence, plus semantic and position supervision (equation 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edgelpr.models.hpa import HpaOutput
from edgelpr.training.config import TrainingConfig

_FINER = 2
_TINY = 1e-6


@dataclass(frozen=True)
class Losses:
    """The parts of the loss of one batch, scalars with gradients."""

    sequence: Tensor
    """Cross entropy summed over positions, mean over plates."""

    semantic: Tensor
    """Cross entropy of the semantic features against labelled boxes, mean over places."""

    position: Tensor
    """Cross entropy of the HPA maps against labelled boxes, mean over places."""

    total: Tensor
    """Weighted sum."""


def hpa_loss(output: HpaOutput, classes: Tensor, boxes: Tensor, config: TrainingConfig, letters: str = "SPC") -> Losses:
    """Equation 1 of the paper.

    The paper upsamples features to the input's size before it compares them with the labels; here to twice the
    features' size, which costs a sixteenth and labels the same boxes (ours).

    Args:
        output: of the network, any floating dtype.
        classes: (N, P) class indices.
        boxes: (N, P, 4) shares of the crop; NaN where unknown: plates without any box are left out of S and P.
        config: weights of the parts.
        letters: what trains now, of S, P and C (table 5); the losses of the others do not count.
    """
    logits = output.logits.float()
    sequence = functional.cross_entropy(logits.flatten(0, 1), classes.flatten()) * classes.shape[1]
    semantic = position = logits.new_zeros(())
    boxed = ~boxes[..., 0].isnan().all(dim=1)
    size = (output.semantic.shape[-2] * _FINER, output.semantic.shape[-1] * _FINER)
    inside = box_masks(boxes[boxed], size)  # (M, P, h, w)
    if config.semantic_weight > 0 and "S" in letters:
        labels = semantic_labels(inside, classes[boxed], background=output.semantic.shape[1] - 1)
        semantic = _mean(functional.cross_entropy(_finer(output.semantic[boxed], size), labels, reduction="none"))
    if config.position_weight > 0 and "P" in letters and output.position is not None:
        maps = _finer(output.position[boxed], size).clamp_min(_TINY)
        position = _mean(functional.nll_loss(maps.log(), position_labels(inside), reduction="none"))
    total = config.semantic_weight * semantic + config.position_weight * position
    return Losses(sequence, semantic, position, sequence + total if "C" in letters else total)


def _mean(losses: Tensor) -> Tensor:
    """Mean over places; 0 when no plate has boxes, with a gradient of 0, which processes that train together wait for."""
    return losses.mean() if losses.numel() else losses.sum()


def _finer(features: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(features.float(), size=size, mode="bilinear", align_corners=False)


def box_masks(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Which places lie in which box.

    Args:
        boxes: (M, P, 4) x0, y0, x1, y1 as shares of the crop; NaN boxes hold no place.
        size: rows and columns of places.

    Returns:
        (M, P, rows, columns) bool.
    """
    rows, columns = size
    y = (torch.arange(rows, device=boxes.device) + 0.5) / rows
    x = (torch.arange(columns, device=boxes.device) + 0.5) / columns
    x0, y0, x1, y1 = (edge[..., None] for edge in boxes.unbind(-1))
    across = (x >= x0) & (x < x1)  # (M, P, columns)
    down = (y >= y0) & (y < y1)  # (M, P, rows)
    return down[..., :, None] & across[..., None, :]


def semantic_labels(inside: Tensor, classes: Tensor, background: int) -> Tensor:
    """(M, P, h, w) masks and (M, P) classes to (M, h, w) int64 class indices; places in no box are background."""
    places, covered = inside.float().max(dim=1).indices, inside.any(dim=1)
    labels = torch.gather(classes, 1, places.flatten(1)).view_as(places)
    return labels.masked_fill(~covered, background)


def position_labels(inside: Tensor) -> Tensor:
    """(M, P, h, w) masks to (M, h, w) int64 positions; places in no box are background, which is P."""
    return inside.float().max(dim=1).indices.masked_fill(~inside.any(dim=1), inside.shape[1])
