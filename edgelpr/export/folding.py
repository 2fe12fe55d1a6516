"""Folding batch normalisation into the convolution before it."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_normalisation(network: nn.Module) -> None:
    """Replace, in place, each convolution and its batch normalisation by one convolution of the same function.

    In our networks a normalisation is always registered right after its convolution.

    Args:
        network: in evaluation mode.
    """
    for parent in list(network.modules()):
        for (before, layer), (after, normalisation) in pairwise(list(parent.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                setattr(parent, before, fuse_conv_bn_eval(layer, normalisation))
                setattr(parent, after, nn.Identity())
