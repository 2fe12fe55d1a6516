"""IQ-STAN's quality branch and the temporal attention it guides (paper, section 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgelpr.models.iq_stan_features import COLUMNS, ROWS

PATCHES = 7
"""Patches of a frame, side by side (paper: one a character); five frames have 35."""

_PATCH_COLUMNS = COLUMNS // PATCHES
_BETWEEN = 8
"""Channels between the two transposed convolutions (ours)."""


class QualityBranch(nn.Module):
    """Two poolings and two fully connected layers: a score a patch.

    The paper names neither the poolings nor the widths: average and maximum here, which see overall sharpness and the best
    stroke.

    Args:
        channels: of the features.
        width: between the two layers.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.average, self.maximum = nn.AvgPool2d((ROWS, _PATCH_COLUMNS)), nn.MaxPool2d((ROWS, _PATCH_COLUMNS))
        self.first, self.second = nn.Linear(2 * channels, width), nn.Linear(width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(M, C, 7, 42) to scores (M, 7), 0 to 1."""
        pooled = torch.cat([self.average(features), self.maximum(features)], dim=1)  # (M, 2C, 1, 7)
        # Not squeezed: where its size is not written down, the ONNX exporter makes a condition of that.
        patches = pooled[:, :, 0].transpose(1, 2)  # (M, 7, 2C)
        scores = self.second(torch.relu(self.first(patches)))
        return torch.sigmoid(scores)[:, :, 0]


class TemporalAttention(nn.Module):
    """Patch scores to a weight for every place of the features, by two transposed convolutions (paper, figure 1).

    Kernels are as wide as their strides, so no frame's weights depend on another one's scores: 1x7 scores of a frame
    become 3x14, then 7x42. Weights run from 0 to 2, so that fresh ones are about 1 and leave the features as they are
    (ours).
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ConvTranspose2d(1, _BETWEEN, (3, 2), stride=(1, 2))
        self.second = nn.ConvTranspose2d(_BETWEEN, 1, (3, 3), stride=(2, 3))

    def forward(self, scores: Tensor) -> Tensor:
        """Scores (M, 7) to weights (M, 1, 7, 42)."""
        grown = torch.relu(self.first(scores[:, None, None, :]))
        return 2 * torch.sigmoid(self.second(grown))
