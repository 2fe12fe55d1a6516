"""Whether the frames of a track show one plate: each read alone, their characters compared (ours)."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-3
"""Of the overlap at one position: keeps its logarithm small, also in half precision, and changes no order that was measured."""


def likeness(probabilities: Tensor, present: Tensor) -> Tensor:
    """How alike the readings of every two frames are.

    At each position the Bhattacharyya coefficient of the two distributions over the alphabet, which is 1 where they are the
    same and 0 where they share no character; over the positions their geometric mean. An illegible frame spreads its
    probabilities and so contradicts little.

    Args:
        probabilities: (N, F, P, S) of each frame read alone, summing to 1 over S.
        present: (N, F) float, 1 for a frame that is there, 0 for one that is not.

    Returns:
        (N, F, F) 0 to 1, symmetric; 1 wherever a frame is absent.
    """
    roots = probabilities.sqrt().transpose(1, 2)  # (N, P, F, S)
    overlap = (roots @ roots.transpose(2, 3)).clamp(_LEAST, 1)  # rounding may go beyond 1
    alike = torch.exp(torch.log(overlap).mean(1))
    both = present[:, :, None] * present[:, None]
    return 1 - (1 - alike) * both
