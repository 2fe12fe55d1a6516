"""How large a network is: parameters and multiply-adds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from edgelpr.models.hpa import Hpa
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.models.iq_stan_features import FRAME_HEIGHT, FRAME_WIDTH
from edgelpr.models.iq_stan_reading import Decoded, Decoder

_IMAGENET_CLASSES = 1000
_COUNTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.LSTM, nn.LSTMCell, Decoder)


def count_parameters(network: nn.Module) -> int:
    """Number of trained values, buffers apart."""
    return sum(parameter.numel() for parameter in network.parameters())


def imagenet_classifier_parameters(network: Hpa) -> int:
    """Parameters of the unused ImageNet classifier that the paper's counts include and edgelpr never deploys."""
    return (network.config.backbone.channels[1] + 1) * _IMAGENET_CLASSES


def count_multiply_adds(network: Hpa) -> int:
    """Multiply-adds of the convolutions and linear layers for one plate at the format's input size."""
    return sum(_count(network, [torch.zeros(1, 3, *network.plate_format.height_width)]).values())


def count_track_multiply_adds(network: IqStan) -> int:
    """The same for five frames of a plate, as the exported graph computes them.

    So LSTMs are counted and the products of attention and likeness, the frames are compared, each read alone as well, and what
    both readings have in common is counted once: PyTorch reduces the columns for each of them, a simplified graph once.
    """
    frames = torch.zeros(1, FRAMES, FRAME_HEIGHT, FRAME_WIDTH)
    work = _count(network, [frames, torch.ones(1, FRAMES)], compare=True)
    likeness = FRAMES**2 * network.plate_format.positions * network.plate_format.classes
    return sum(work.values()) - work[network.encoder.reduce] // 2 + likeness


def _count(network: nn.Module, inputs: Sequence[Tensor], **how: bool) -> Counter[nn.Module]:
    """Multiply-adds of each layer."""
    work: Counter[nn.Module] = Counter()

    def add(layer: nn.Module, given: tuple[Tensor, ...], output: Any) -> None:
        work[layer] += _work(layer, given[0], output)

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
    return work


def _work(layer: nn.Module, given: Tensor, output: Any) -> int:
    """Of one call of a layer; what the layers within it do is their own."""
    if isinstance(output, Decoded):  # each step weighs all encoded columns by its attention
        return output.attention.numel() * given.shape[-1]
    if isinstance(layer, (nn.LSTM, nn.LSTMCell)):  # each matrix once for every step of every sequence
        return given[..., 0].numel() * sum(weight.numel() for weight in layer.parameters() if weight.dim() == 2)
    weight = layer.get_parameter("weight")
    counted: Tensor = given if isinstance(layer, nn.ConvTranspose2d) else output
    return counted.numel() * prod(weight.shape[1:])
