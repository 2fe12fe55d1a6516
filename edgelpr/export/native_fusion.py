"""Exact rewrite ``native-fusion``: the first fusion convolutions at the resolution of their inputs.

Both fusion modules begin with a 3x3 convolution over spatial features and upsampled context features. Upsampling and
convolution are linear, so the channels of a context level can be convolved where they are small: the nine taps as one
1x1 convolution, then a constant matrix that upsamples, shifts each tap to its place and pads with zeros. Ours.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgelpr.models.hpa import Hpa, HpaOutput

Size = tuple[int, int]
"""Height and width."""


class NativeFusion(nn.Module):
    """HPA with the same outputs for fewer operations; both fusion modules share each convolution.

    Args:
        network: batch normalisation folded, in evaluation mode; its other parts are used as they are.
    """

    def __init__(self, network: Hpa) -> None:
        super().__init__()
        self.network = network
        self.size, sizes = feature_sizes(network)
        blocks = [module.fuse for module in (network.semantic, network.position) if module is not None]
        weight = torch.cat([block.conv.weight.detach() for block in blocks])  # (O, C, 3, 3)
        self.widths = [block.conv.out_channels for block in blocks]
        spatial, *parts = torch.split(weight, list(network.config.global_channels), dim=1)
        native = [_worthwhile(part.shape[1], size, self.size) for part, size in zip(parts, sizes)]
        direct = torch.cat([spatial, *(part for part, chosen in zip(parts, native) if not chosen)], dim=1)
        self.direct = nn.Conv2d(direct.shape[1], direct.shape[0], 3, padding=1)
        self.direct.weight = nn.Parameter(direct)
        self.direct.bias = nn.Parameter(torch.cat([_bias(block.conv) for block in blocks]))
        levels = [
            Placement(part, size, self.size) if chosen else Upsampling(self.size)
            for part, size, chosen in zip(parts, sizes, native)
        ]
        self.levels = nn.ModuleList(levels)

    def forward(self, x: Tensor) -> HpaOutput:
        """(N, C, H, W), 0 to 1, to what HPA returns."""
        network = self.network
        fused = torch.relu(self.fuse(network.spatial(x), network.context(x)))
        semantic, *position = torch.split(fused, self.widths, dim=1)
        features = network.semantic.finish(semantic)
        maps = None if network.position is None else network.position.finish(position[0])
        return HpaOutput(network.classify(features, maps), features, maps)

    def fuse(self, spatial: Tensor, context: tuple[Tensor, Tensor]) -> Tensor:
        """Features at their own resolutions to the sums of both first convolutions, (N, O, h, w)."""
        ready = [(isinstance(level, Placement), level(features)) for level, features in zip(self.levels, context)]
        upsampled = [features for placed, features in ready if not placed]
        fused: Tensor = self.direct(torch.cat([spatial, *upsampled], dim=1) if upsampled else spatial)
        placed = [features for placed, features in ready if placed]
        # One addition to the convolution's result, which inference engines merge into the convolution.
        return fused + reduce(torch.add, placed).reshape(-1, *fused.shape[1:]) if placed else fused


class Placement(nn.Module):
    """Convolution 3x3 of upsampled features, done before the upsampling.

    Args:
        weight: (O, C, 3, 3).
        native: size of the features.
        size: size after upsampling.
    """

    matrix: Tensor

    def __init__(self, weight: Tensor, native: Size, size: Size) -> None:
        super().__init__()
        outputs, inputs = weight.shape[:2]
        self.shape = (outputs, 9 * native[0] * native[1])
        self.taps = nn.Conv2d(inputs, 9 * outputs, 1, bias=False)
        self.taps.weight = nn.Parameter(weight.permute(0, 2, 3, 1).reshape(9 * outputs, inputs, 1, 1))
        self.register_buffer("matrix", placement_matrix(native, size).to(weight))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, O, H * W)."""
        placed: Tensor = self.taps(x).reshape(-1, *self.shape) @ self.matrix
        return placed


class Upsampling(nn.Module):
    """Bilinear upsampling with aligned corners, for a level where nothing is gained by moving the convolution.

    Args:
        size: size after upsampling.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, H, W)."""
        return functional.interpolate(x, size=self.size, mode="bilinear", align_corners=True)


def placement_matrix(native: Size, size: Size) -> Tensor:
    """What each tap of a 3x3 convolution sees of each native pixel, at each place after upsampling.

    Returns:
        (9 * h * w, H * W) float64; rows by tap, then native pixel in rows.
    """
    pixels, places = native[0] * native[1], size[0] * size[1]
    basis = torch.eye(pixels, dtype=torch.float64).reshape(pixels, 1, *native)
    upsampled = functional.interpolate(basis, size=size, mode="bilinear", align_corners=True)
    windows = functional.unfold(upsampled, kernel_size=3, padding=1)  # (h * w, 9, H * W), zero padded
    return windows.transpose(0, 1).reshape(9 * pixels, places)


def _worthwhile(channels: int, native: Size, size: Size) -> bool:
    """Whether taps and placement take fewer multiply-adds than the convolution at full size."""
    pixels, places = native[0] * native[1], size[0] * size[1]
    return pixels * (channels + places) < channels * places


def feature_sizes(network: Hpa) -> tuple[Size, list[Size]]:
    """Sizes of the spatial features and of the two context levels."""
    weight = next(network.spatial.parameters())
    blank = torch.zeros(1, weight.shape[1], *network.plate_format.height_width).to(weight)
    with torch.no_grad():
        spatial, *levels = [tuple(level.shape[-2:]) for level in (network.spatial(blank), *network.context(blank))]
    return spatial, levels


def _bias(conv: nn.Conv2d) -> Tensor:
    return torch.zeros(conv.out_channels).to(conv.weight) if conv.bias is None else conv.bias.detach()
