"""A network of LPRNet's size, to compare speeds with; untrained.

Paper: Zherzdev, Gruzdev, "LPRNet: License Plate Recognition via Deep Neural Networks", 2018: its table of layers, with
the common input of 24x94 and 68 classes, global context left out. Weights are random: it times, it does not read.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

INPUT = (3, 24, 94)
"""Channels, height, width."""

CLASSES = 68
"""Characters and the blank of connectionist temporal classification."""


class SmallBasicBlock(nn.Module):
    """1x1, 3x1, 1x3 and 1x1 convolutions through a quarter of the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = outputs // 4
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, middle, 1),
            nn.ReLU(),
            nn.Conv2d(middle, middle, (3, 1), padding=(1, 0)),
            nn.ReLU(),
            nn.Conv2d(middle, middle, (1, 3), padding=(0, 1)),
            nn.ReLU(),
            nn.Conv2d(middle, outputs, 1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        features: Tensor = self.layers(x)
        return features


class ThinningPool(nn.Module):
    """Max pooling 3x3 that halves the columns and keeps every ``stride``-th channel: down to 64 in the paper's table."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride, self.pool = stride, nn.MaxPool2d(3, stride=(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C / stride, H - 2, about W / 2)."""
        pooled: Tensor = self.pool(x[:, :: self.stride])
        return pooled


class LprNet(nn.Module):
    """The backbone of the paper's table 2 and its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 3),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=1),
            SmallBasicBlock(64, 128),
            ThinningPool(2),
            SmallBasicBlock(64, 256),
            SmallBasicBlock(256, 256),
            ThinningPool(4),
            nn.Conv2d(64, 256, (1, 4)),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.Conv2d(256, CLASSES, (13, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 94), float32, to class scores (N, CLASSES, columns)."""
        scores: Tensor = self.layers(x)
        return torch.mean(scores, dim=2)
