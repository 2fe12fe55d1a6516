"""IQ-STAN as its paper would have timed it: five frames a call, eager, network only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgelpr.benchmarks.bench.torch_reader import TorchReader
from edgelpr.benchmarks.bench.tracks_reader import frames_of
from edgelpr.models.iq_stan import IqStan
from edgelpr.preprocessing.images import Image


class TrackReader(TorchReader):
    """Reads tracks of five frames, all of which are there.

    Args:
        network: taken over: set to evaluation and moved.
        device: ``cpu`` or ``cuda``.
        threads: processor threads, for this whole process.
    """

    def __init__(self, network: IqStan, device: str = "cpu", threads: int | None = None) -> None:
        size = self._preprocessing = network.preprocessing
        super().__init__(_AllPresent(network), device, threads, channels=1, height_width=(size.height, size.width))

    def network_input(self, crops: Sequence[Sequence[Image]]) -> NDArray[np.uint8]:
        """(N, 5, H, W): grey, resized."""
        return frames_of(self._preprocessing, crops)

    def prepare(self, batch: NDArray[np.uint8]) -> Tensor:
        """(N, 5, H, W) float32, 0 to 1, on the device."""
        return torch.cat([super(TrackReader, self).prepare(batch[:, number]) for number in range(batch.shape[1])], dim=1)


class _AllPresent(nn.Module):
    def __init__(self, network: IqStan) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        present = frames.new_ones(frames.shape[:2])
        logits: Tensor = self.network(frames, present).logits
        return logits
