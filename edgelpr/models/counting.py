"""How large a network is: parameters and multiply-adds."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from edgelpr.models.hpa import Hpa

_IMAGENET_CLASSES = 1000


def count_parameters(network: nn.Module) -> int:
    """Number of trained values, buffers apart."""
    return sum(parameter.numel() for parameter in network.parameters())


def imagenet_classifier_parameters(network: Hpa) -> int:
    """Parameters of the unused ImageNet classifier that the paper's counts include and edgelpr never deploys."""
    return (network.config.backbone.channels[1] + 1) * _IMAGENET_CLASSES


def count_multiply_adds(network: Hpa) -> int:
    """Multiply-adds of the convolutions and linear layers for one plate at the format's input size."""
    total = 0

    def add(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = layer.get_parameter("weight")
        total += output.numel() * prod(weight.shape[1:])

    layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    was_training = network.training
    try:
        with torch.no_grad():
            weight = next(network.parameters())
            network.eval()(torch.zeros(1, 3, *network.plate_format.height_width, device=weight.device))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return total
