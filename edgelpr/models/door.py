"""The network's door: scaling of grey bytes, one definition for training and export; ``preprocessing.scale`` in numpy."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GreyDoor(nn.Module):
    """Grey bytes to what the network takes.

    Args:
        planes: planes of the network's input: 3 as published, 1 after the grey fold.
        dtype: type of the network's weights.
    """

    def __init__(self, planes: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.planes, self.dtype = planes, dtype

    def forward(self, crops: Tensor) -> Tensor:
        """(N, H, W) uint8, 0 to 255, to (N, planes, H, W), 0 to 1."""
        scaled = crops.to(self.dtype).unsqueeze(1) / 255
        return scaled if self.planes == 1 else torch.cat([scaled] * self.planes, dim=1)
