"""IQ-STAN as its paper would have timed it: five frames a call, eager, network only."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgelpr.benchmarks.bench.torch_reader import TorchReader
from edgelpr.models.iq_stan import FRAMES, IqStan

_SHIFT = 3


class TrackReader(TorchReader):
    """Makes five frames of each crop, each moved a little further; what stands in them does not change the work.

    Args:
        network: taken over: set to evaluation and moved.
        device: ``cpu`` or ``cuda``.
        threads: processor threads, for this whole process.
    """

    def __init__(self, network: IqStan, device: str = "cpu", threads: int | None = None) -> None:
        size = network.preprocessing
        super().__init__(_AllPresent(network), device, threads, channels=1, height_width=(size.height, size.width))

    def prepare(self, batch: NDArray[np.uint8]) -> Tensor:
        """(N, 5, H, W) float32, 0 to 1, on the device."""
        crops = super().prepare(batch)
        return torch.cat([crops.roll(_SHIFT * number, -1) for number in range(FRAMES)], dim=1)


class _AllPresent(nn.Module):
    def __init__(self, network: IqStan) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        present = frames.new_ones(len(frames), FRAMES)
        logits: Tensor = self.network(frames, present).logits
        return logits
