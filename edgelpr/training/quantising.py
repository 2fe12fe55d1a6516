"""Quantisation-aware training: the network feels while it trains what INT8 will do to it (ours, after the idea of
Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018).

The rounding is the coarser of what the two INT8 files do. What a layer takes is symmetric in 8 bits, as TensorRT has it;
what is added, weighed or averaged has 256 levels between its ends, as on a CPU; weights have 7 bits a channel. They are
rounded before normalisation is folded into them: it scales a channel as a whole, so the rounded values are the same
afterwards. Ranges are those of the batch at hand: nothing has to be saved with a run, and a resumed one goes on to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from edgelpr.models.blocks import AttentionRefinement
from edgelpr.models.hpa import Hpa, SpatialPath

_ACTIVATION_LEVELS = 127
_RESULT_LEVELS = 255
_WEIGHT_LEVELS = 63
_PLANES = 3
_TINY = 1e-12
_RESULTS = (".bn2", ".bn3", ".downsample", "semantic.bn", "position.head", "classifiers.0.bn")
"""Modules whose results are rounded before they are added, weighed or averaged."""


class FakeQuantisation:
    """Rounds a network's activations from now on, and its weights inside ``rounded``.

    The first convolution of each path stays as it is: it takes the picture, whose 256 levels INT8 holds exactly, and one
    plane gives INT8 nothing to gain.

    Args:
        network: to train; hooks are left in it, none in copies that were made before.
    """

    def __init__(self, network: Hpa) -> None:
        layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
        self._layers = [layer for layer in layers if not _takes_the_picture(layer)]
        for layer in self._layers:
            layer.register_forward_pre_hook(_round_input)
        for name, module in network.named_modules():
            # What the fusion takes: it calls its convolutions by their weights, past the hooks of layers.
            if isinstance(module, (SpatialPath, AttentionRefinement)):
                module.register_forward_hook(_round_output)
            elif name.endswith(_RESULTS):
                module.register_forward_hook(_round_result)

    @contextmanager
    def rounded(self) -> Iterator[None]:
        """Weights are rounded inside, and as they were afterwards; gradients that arise inside are taken as theirs."""
        exact = [layer.weight.detach().clone() for layer in self._layers]
        try:
            with torch.no_grad():
                for layer in self._layers:
                    layer.weight.copy_(round_weight(layer.weight))
            yield
        finally:
            with torch.no_grad():
                for layer, weight in zip(self._layers, exact):
                    layer.weight.copy_(weight)


class _Rounding(torch.autograd.Function):
    """To whole steps; the gradient passes as if nothing had happened."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor) -> Tensor:
        return (x / step).round_().mul_(step)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0], None


def round_activation(x: Tensor) -> Tensor:
    """Any shape and float type: rounded to 127 steps from 0 to the largest absolute value."""
    return _to_steps(x, x.detach().abs().amax(), _ACTIVATION_LEVELS)


def round_result(x: Tensor) -> Tensor:
    """Any shape and float type: rounded to 255 steps between its ends, zero exact."""
    low, high = torch.aminmax(x.detach())
    return _to_steps(x, high.clamp_min(0) - low.clamp_max(0), _RESULT_LEVELS)


def _to_steps(x: Tensor, span: Tensor, levels: int) -> Tensor:
    rounded: Tensor = _Rounding.apply(x, span.clamp_min(_TINY) / levels)  # type: ignore[no-untyped-call]
    return rounded


def round_weight(weight: Tensor) -> Tensor:
    """(O, ...): rounded to 63 steps from 0 to the largest absolute value of each of the O channels."""
    step = weight.detach().flatten(1).abs().amax(1).clamp_min(_TINY) / _WEIGHT_LEVELS
    step = step.reshape(-1, *(1,) * (weight.dim() - 1))
    return (weight / step).round() * step


def _takes_the_picture(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d) and layer.in_channels == _PLANES


def _round_input(layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return (round_activation(inputs[0]), *inputs[1:])


def _round_result(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    return round_result(output)


def _round_output(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    return round_activation(output)
