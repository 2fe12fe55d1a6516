"""ResNet without its classifier, the backbone of HPA's context path; names as in torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ResNetConfig:
    """A member of the ResNet family (He et al. 2016)."""

    block: Literal["basic", "bottleneck"] = "basic"
    """Two 3x3 convolutions, or 1x1, 3x3, 1x1 with four times the channels out."""

    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    """Blocks in each of the four layers."""

    stem_width: int = 64
    """Channels after the first convolution."""

    stem_kernel: int = 7
    """Size of the first convolution, odd."""

    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    """Base channels of each layer."""

    @property
    def expansion(self) -> int:
        """Channels out of a block over its base channels."""
        return 4 if self.block == "bottleneck" else 1

    @property
    def channels(self) -> tuple[int, int]:
        """Channels out of ``layer3`` and ``layer4``."""
        return self.widths[2] * self.expansion, self.widths[3] * self.expansion


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a skip."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _skip(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, width, H / stride, W / stride), rounded up."""
        skip = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + skip)


class Bottleneck(nn.Module):
    """1x1, 3x3 (which strides) and 1x1 convolutions and a skip."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _skip(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, 4 * width, H / stride, W / stride), rounded up."""
        skip = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return torch.relu(self.bn3(self.conv3(x)) + skip)


class ResNet(nn.Module):
    """The four layers of a ResNet over a three-plane image.

    Args:
        config: which member of the family.
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        kernel = config.stem_kernel
        self.conv1 = nn.Conv2d(3, config.stem_width, kernel, stride=2, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(config.stem_width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = config.stem_width
        for number, (depth, width) in enumerate(zip(config.depths, config.widths), start=1):
            layer, inputs = _layer(config, inputs, width, depth, stride=1 if number == 1 else 2)
            self.add_module(f"layer{number}", layer)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) to the outputs of ``layer3`` (N, C3, H / 16, W / 16) and ``layer4`` (N, C4, H / 32, W / 32)."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for name in ("layer1", "layer2"):
            x = self.get_submodule(name)(x)
        third: Tensor = self.get_submodule("layer3")(x)
        fourth: Tensor = self.get_submodule("layer4")(third)
        return third, fourth


def _layer(config: ResNetConfig, inputs: int, width: int, depth: int, stride: int) -> tuple[nn.Sequential, int]:
    block = Bottleneck if config.block == "bottleneck" else BasicBlock
    outputs = width * config.expansion
    blocks = [block(inputs if index == 0 else outputs, width, stride if index == 0 else 1) for index in range(depth)]
    return nn.Sequential(*blocks), outputs


def _skip(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
