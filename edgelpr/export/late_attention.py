"""Exact rewrite ``late-attention``: the shared classifier convolves the semantic features once, not once a position.

HPA multiplies the semantic features by each position's map and convolves every product. The map is one number a place,
the same for all channels, and the convolution is linear: it can take the features first, tap by tap, and each
position then weighs the taps with its map. The work over channels no longer grows with the number of positions.
Only the taps that meet a place are computed: the convolution's stride of 4 leaves 25 for each output place. Ours.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgelpr.models.classifiers import CharacterClassifier, Classifiers
from edgelpr.models.hpa import Hpa

Size = tuple[int, int]
"""Height and width."""


class LateAttention(nn.Module):
    """The shared classifier with the same scores for fewer operations.

    Args:
        classifiers: the shared classifier, batch normalisation folded.
        positions: P.
        size: of the semantic features.
    """

    bias: Tensor
    places: Tensor
    weight: Tensor

    def __init__(self, classifiers: Classifiers, positions: int, size: Size) -> None:
        super().__init__()
        shared = cast(CharacterClassifier, classifiers[0])
        conv = shared.conv
        weight = conv.weight.detach()  # (O, S, 5, 5)
        self.width, self.classes, self.positions = weight.shape[0], weight.shape[1], positions
        self.register_buffer("weight", weight.flatten(2).permute(2, 1, 0).contiguous())  # (taps, S, O)
        places = tap_places(conv, size)
        self.taps, self.outputs = places.shape
        self.places_before = size[0] * size[1]
        self.register_buffer("places", places.flatten())  # (taps * outputs,)
        self.register_buffer("bias", conv.bias.detach() if conv.bias is not None else weight.new_zeros(weight.shape[0]))
        self.linear = shared.linear

    def forward(self, semantic: Tensor, position: Tensor) -> Tensor:
        """(N, S, h, w) and (N, P, h, w) to class scores (N, P, S)."""
        seen = self._gather(semantic, self.classes).permute(2, 0, 3, 1)  # (taps, N, outputs, S)
        parts = torch.matmul(seen.reshape(self.taps, -1, self.classes), self.weight)  # (taps, N * outputs, O)
        parts = parts.reshape(self.taps, -1, self.outputs, self.width)
        weights = self._gather(position, self.positions).permute(0, 3, 1, 2)  # (N, outputs, P, taps)
        features = torch.matmul(weights, parts.permute(1, 2, 0, 3)) + self.bias  # (N, outputs, P, O)
        scores: Tensor = self.linear(torch.relu(features).mean(1))
        return scores

    def _gather(self, x: Tensor, channels: int) -> Tensor:
        """(N, C, h, w) to what each tap sees for each output place: (N, C, taps, outputs)."""
        # Sizes are constants, so that the exported graph does no arithmetic on shapes. The column that is added at the
        # end is the zero padding of the convolution.
        padded = functional.pad(x.reshape(-1, channels, self.places_before), (0, 1))
        return padded.index_select(2, self.places).reshape(-1, channels, self.taps, self.outputs)


def tap_places(conv: nn.Conv2d, size: Size) -> Tensor:
    """Which place each tap of a convolution meets for each output place.

    Returns:
        (taps, outputs) int64: row-major places of ``size``; taps in the padding get the number after the last place.
    """
    numbers = torch.arange(1, size[0] * size[1] + 1, dtype=torch.float64).reshape(1, 1, *size)
    windows = functional.unfold(numbers, conv.kernel_size, padding=conv.padding, stride=conv.stride)[0]  # type: ignore[arg-type]
    places = windows.long() - 1
    return torch.where(places < 0, size[0] * size[1], places)


def attend_late(network: Hpa, size: Size) -> None:
    """Replace, in place, the shared classifier; separate classifiers share no work, so they stay as they are.

    Args:
        network: batch normalisation folded, in evaluation mode.
        size: of the semantic features.
    """
    if network.config.classifier == "shared":
        network.classifiers = LateAttention(network.classifiers, network.plate_format.positions, size)  # type: ignore[assignment]
