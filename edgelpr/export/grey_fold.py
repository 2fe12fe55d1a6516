"""Exact rewrite ``grey-fold``: one grey plane instead of the same plane three times."""

from __future__ import annotations

from torch import nn

from edgelpr.models.hpa import Hpa


def fold_grey(network: Hpa) -> None:
    """Sum, in place, the weights of the first convolution of each path over its three equal input planes."""
    for path in (network.spatial, network.context.backbone):
        first = next(layer for layer in path.modules() if isinstance(layer, nn.Conv2d))
        first.weight = nn.Parameter(first.weight.detach().sum(1, keepdim=True))
        first.in_channels = 1
