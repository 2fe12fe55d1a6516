"""Building blocks of HPA: convolution, attention refinement, gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Convolution 3x3 with bias, batch normalisation, ReLU.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: 1 or 2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride), rounded up."""
        return torch.relu(self.finish(self.conv(x)))

    def finish(self, x: Tensor) -> Tensor:
        """What follows the convolution, before the ReLU; the export's fusion enters here."""
        normalised: Tensor = self.bn(x)
        return normalised


class AttentionRefinement(nn.Module):
    """Weighs channels by their global mean (attention refinement module of BiSeNet).

    Args:
        channels: channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W), same shape out."""
        return x * torch.sigmoid(self.bn(self.conv(x.mean((2, 3), keepdim=True))))


class Gate(nn.Module):
    """``x + x * sigmoid(conv(relu(conv(mean x))))`` (feature fusion module of BiSeNet, second half).

    Args:
        channels: channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W), same shape out."""
        weight = torch.sigmoid(self.conv2(torch.relu(self.conv1(x.mean((2, 3), keepdim=True)))))
        return x + x * weight
