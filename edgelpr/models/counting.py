"""How large a network is: parameters and multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from edgelpr.models.hpa import Hpa
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.models.iq_stan_features import FRAME_HEIGHT, FRAME_WIDTH

_IMAGENET_CLASSES = 1000
_COUNTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.LSTM, nn.LSTMCell)


def count_parameters(network: nn.Module) -> int:
    """Number of trained values, buffers apart."""
    return sum(parameter.numel() for parameter in network.parameters())


def imagenet_classifier_parameters(network: Hpa) -> int:
    """Parameters of the unused ImageNet classifier that the paper's counts include and edgelpr never deploys."""
    return (network.config.backbone.channels[1] + 1) * _IMAGENET_CLASSES


def count_multiply_adds(network: Hpa) -> int:
    """Multiply-adds of the convolutions and linear layers for one plate at the format's input size."""
    return _count(network, [torch.zeros(1, 3, *network.plate_format.height_width)])


def count_track_multiply_adds(network: IqStan) -> int:
    """The same for five frames of a plate, LSTMs counted as well, the frames compared as the exported graph does."""
    frames = torch.zeros(1, FRAMES, FRAME_HEIGHT, FRAME_WIDTH)
    return _count(network, [frames, torch.ones(1, FRAMES)], compare=True)


def _count(network: nn.Module, inputs: Sequence[Tensor], **how: bool) -> int:
    total = 0

    def add(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        total += _work(layer, given[0], output)

    hooks = [layer.register_forward_hook(add) for layer in network.modules() if isinstance(layer, _COUNTED)]
    was_training = network.training
    try:
        with torch.no_grad():
            device = next(network.parameters()).device
            network.eval()(*(tensor.to(device) for tensor in inputs), **how)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return total


def _work(layer: nn.Module, given: Tensor, output: Tensor) -> int:
    """Of one call of a layer."""
    if isinstance(layer, (nn.LSTM, nn.LSTMCell)):  # each matrix once for every step of every sequence
        return given[..., 0].numel() * sum(weight.numel() for weight in layer.parameters() if weight.dim() == 2)
    weight = layer.get_parameter("weight")
    return (given if isinstance(layer, nn.ConvTranspose2d) else output).numel() * prod(weight.shape[1:])
