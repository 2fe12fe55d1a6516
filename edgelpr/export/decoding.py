"""Exact rewrite ``decode``: class index and probability out; the bytes come in through ``GreyDoor``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgelpr.plates.format import PlateFormat

_RULED_OUT = -30000.0  # far below any score, and still a number in half precision


class Decoder(nn.Module):
    """Class scores to the winning class and its probability; classes that the pattern rules out cannot win.

    Args:
        plate_format: carries the pattern.
    """

    mask: Tensor | None

    def __init__(self, plate_format: PlateFormat, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("mask", pattern_mask(plate_format, dtype))

    def forward(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """(N, P, S) scores to classes (N, P) int32 and probabilities (N, P), 0 to 1."""
        scores = logits if self.mask is None else logits + self.mask
        # Older parsers return 32-bit indices, newer ones 64-bit: say which.
        return scores.argmax(-1).to(torch.int32), torch.softmax(scores, dim=-1).amax(-1)


def pattern_mask(plate_format: PlateFormat, dtype: torch.dtype) -> Tensor | None:
    """(P, S): what to add to the scores so that ruled-out classes lose; None without a pattern."""
    allowed = plate_format.allowed_classes
    if allowed is None:
        return None
    return torch.zeros(len(allowed), len(allowed[0]), dtype=dtype).masked_fill(~torch.tensor(allowed), _RULED_OUT)
