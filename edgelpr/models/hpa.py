"""HPA: a shared classifier reads every character in parallel from holistic position attention maps.

Paper: Zhang, Wang, Zhuang, "Efficient License Plate Recognition via Holistic Position Attention", AAAI 2021. Sizes
the paper leaves open follow the authors' released network (jfzhuang/VIM-LPR).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgelpr.errors import UsageError
from edgelpr.models.blocks import AttentionRefinement, ConvBlock, Gate
from edgelpr.models.classifiers import Classifiers
from edgelpr.models.resnet import ResNet, ResNetConfig
from edgelpr.plates.format import PlateFormat
from edgelpr.types import Classifier


@dataclass(frozen=True)
class HpaConfig:
    """Sizes of one member of the HPA family; the alphabet and the positions come from the plate format."""

    name: str
    """Name on the command line and in checkpoints."""

    backbone: ResNetConfig
    """The ResNet of the context path."""

    spatial_widths: tuple[int, int, int] = (64, 128, 256)
    """Channels of the spatial path's three convolutions."""

    fusion_width: int = 512
    """Channels between the two convolutions of the semantic network."""

    classifier_width: int = 1000
    """Channels of the classifier's convolution."""

    classifier: Classifier = "shared"
    """Which of the three classifiers of the paper's table 4."""

    @property
    def global_channels(self) -> tuple[int, int, int]:
        """Channels of the global features: spatial path, ``layer3``, ``layer4``."""
        return (self.spatial_widths[-1], *self.backbone.channels)


class HpaOutput(NamedTuple):
    """What the network returns; P positions, S classes, (h, w) = input / 8 rounded up."""

    logits: Tensor
    """(N, P, S) class scores before the softmax."""

    semantic: Tensor
    """(N, S + 1, h, w) semantic features, the last channel background."""

    position: Tensor | None
    """(N, P + 1, h, w) HPA maps, 0 to 1, summing to 1 over channels, the last one background; None without maps."""


class SpatialPath(nn.Module):
    """Three strided convolutions that keep detail at an eighth of the input's size."""

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        inputs = (3, *widths[:-1])
        self.blocks = nn.Sequential(*[ConvBlock(i, o, stride=2) for i, o in zip(inputs, widths)])

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, widths[-1], H / 8, W / 8), rounded up."""
        features: Tensor = self.blocks(x)
        return features


class ContextPath(nn.Module):
    """ResNet features, refined, at their own resolutions."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.backbone = ResNet(config)
        self.refine3, self.refine4 = (AttentionRefinement(channels) for channels in config.channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) to (N, C3, H / 16, W / 16) and (N, C4, H / 32, W / 32)."""
        third, fourth = self.backbone(x)
        tail = fourth.mean((2, 3), keepdim=True)
        return self.refine3(third), self.refine4(fourth) * tail


class SemanticNetwork(nn.Module):
    """What stands at each place: S classes and background."""

    def __init__(self, inputs: int, width: int, classes: int) -> None:
        super().__init__()
        self.fuse = ConvBlock(inputs, width)
        self.reduce = ConvBlock(width, classes + 1)
        self.gate = Gate(classes + 1)
        self.head = nn.Conv2d(classes + 1, classes + 1, 1)
        self.bn = nn.BatchNorm2d(classes + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Global features (N, C, h, w) to semantic features (N, S + 1, h, w)."""
        return self.finish(self.fuse(x))

    def finish(self, x: Tensor) -> Tensor:
        """What follows the first convolution block; the export's fusion enters here."""
        features: Tensor = self.bn(self.head(self.gate(self.reduce(x))))
        return features


class PositionNetwork(nn.Module):
    """Which position each place belongs to: P positions and background."""

    def __init__(self, inputs: int, positions: int) -> None:
        super().__init__()
        self.fuse = ConvBlock(inputs, positions + 1)
        self.gate = Gate(positions + 1)
        self.head = nn.Conv2d(positions + 1, positions + 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Global features (N, C, h, w) to HPA maps (N, P + 1, h, w), a distribution over channels."""
        return self.finish(self.fuse(x))

    def finish(self, x: Tensor) -> Tensor:
        """What follows the first convolution block; the export's fusion enters here."""
        return torch.softmax(self.head(self.gate(x)), dim=1)


class Hpa(nn.Module):
    """The network of the paper.

    Args:
        config: sizes.
        plate_format: alphabet (S classes, void included) and positions (P).
    """

    def __init__(self, config: HpaConfig, plate_format: PlateFormat) -> None:
        super().__init__()
        self.config, self.plate_format = config, plate_format
        classes, positions = plate_format.classes, plate_format.positions
        self.spatial = SpatialPath(config.spatial_widths)
        self.context = ContextPath(config.backbone)
        inputs = sum(config.global_channels)
        self.semantic = SemanticNetwork(inputs, config.fusion_width, classes)
        self.position = None if config.classifier == "separate-no-maps" else PositionNetwork(inputs, positions)
        self.classifiers = Classifiers(classes, positions, config.classifier_width, config.classifier)

    def forward(self, x: Tensor) -> HpaOutput:
        """Read a batch.

        Args:
            x: (N, 3, H, W) float32, the grey plane three times, 0 to 1.
        """
        features = self.global_features(x)
        semantic = self.semantic(features)
        position = None if self.position is None else self.position(features)
        return HpaOutput(self.classify(semantic, position), semantic, position)

    def global_features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, C, h, w): spatial path, then both context features upsampled to its size."""
        spatial = self.spatial(x)
        size = spatial.shape[-2:]
        context = [functional.interpolate(level, size=size, mode="bilinear", align_corners=True) for level in self.context(x)]
        return torch.cat([spatial, *context], dim=1)

    def classify(self, semantic: Tensor, position: Tensor | None) -> Tensor:
        """Semantic features and HPA maps, background channels dropped, to class scores (N, P, S)."""
        maps = None if position is None else position[:, :-1]
        scores: Tensor = self.classifiers(semantic[:, :-1], maps)
        return scores


_RESNETS = {
    "hpa-resnet18": ResNetConfig(),
    "hpa-resnet34": ResNetConfig(depths=(3, 4, 6, 3)),
    "hpa-resnet50": ResNetConfig("bottleneck", depths=(3, 4, 6, 3)),
    "hpa-resnet101": ResNetConfig("bottleneck", depths=(3, 4, 23, 3)),
}

_NANO = HpaConfig(
    "hpa-nano",
    backbone=ResNetConfig(depths=(1, 1, 2, 1), stem_width=24, stem_kernel=3, widths=(24, 64, 96, 128)),
    spatial_widths=(32, 48, 80),
    fusion_width=48,
    classifier_width=64,
)

ARCHITECTURES = {name: HpaConfig(name, backbone) for name, backbone in _RESNETS.items()} | {_NANO.name: _NANO}
"""Every named member of the family; ``hpa-nano`` is ours, the others are the paper's."""


def create(name: str, plate_format: PlateFormat, classifier: Classifier = "shared") -> Hpa:
    """Build a named network with fresh weights.

    Raises:
        UsageError: an unknown name.
    """
    if name not in ARCHITECTURES:
        raise UsageError(f"architecture '{name}' is unknown; choose one of {', '.join(ARCHITECTURES)}")
    return Hpa(replace(ARCHITECTURES[name], classifier=classifier), plate_format)
