"""IQ-STAN as its paper would have timed it: five frames a call, eager, network only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgelpr.benchmarks.bench.torch_reader import TorchReader
from edgelpr.benchmarks.bench.tracks_reader import frames_of
from edgelpr.errors import BackendError, in_one_line
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.preprocessing.crop import scale
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import decode_logits
from edgelpr.runtime.loading import Loaded
from edgelpr.runtime.tracks.recognizer import TrackRecognizer
from edgelpr.runtime.tracks.track import TrackKind


class TrackReader(TorchReader):
    """Times tracks of five frames, all of which are there; reads tracks of any number, as the runtime does.

    Args:
        network: taken over: set to evaluation and moved.
        device: ``cpu`` or ``cuda``.
        threads: processor threads, for this whole process.
    """

    def __init__(self, network: IqStan, device: str = "cpu", threads: int | None = None) -> None:
        size = self._preprocessing = network.preprocessing
        super().__init__(_AllPresent(network), device, threads, channels=1, height_width=(size.height, size.width))
        scores = network.quality is not None
        kind = TrackKind(network.plate_format, size, FRAMES, scores)
        self._recognizer: TrackRecognizer | None = TrackRecognizer(
            Loaded(_Eager(network, self.description, self.device), "torch", None), kind
        )

    def network_input(self, crops: Sequence[Sequence[Image]]) -> NDArray[np.uint8]:
        """(N, 5, H, W): grey, resized."""
        return frames_of(self._preprocessing, crops)

    def prepare(self, batch: NDArray[np.uint8]) -> Tensor:
        """(N, 5, H, W) float32, 0 to 1, on the device."""
        return torch.cat([super(TrackReader, self).prepare(batch[:, number]) for number in range(batch.shape[1])], dim=1)

    def read(self, crops: Sequence[Any]) -> list[str]:
        """Read each track from its frames, one or more, as ``TrackRecognizer.read`` does.

        Args:
            crops: the frames of a track each, as for ``network_input``.

        Raises:
            ImageError: a frame that cannot be used.
            BackendError: closed, or PyTorch fails.
        """
        if self._recognizer is None:
            raise BackendError("this reader was closed; open it again")
        try:
            return [self._recognizer.read(frames).plate for frames in crops]
        except RuntimeError as error:
            raise BackendError(f"torch failed on a track ({in_one_line(error)})") from error

    def close(self) -> None:
        """Free the network."""
        super().close()
        self._recognizer = None


class _AllPresent(nn.Module):
    def __init__(self, network: IqStan) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        present = frames.new_ones(frames.shape[:2])
        logits: Tensor = self.network(frames, present).logits
        return logits


class _Eager:
    """The network as the runtime asks an engine."""

    engine_sha256: str | None = None

    def __init__(self, network: IqStan, description: str, device: str) -> None:
        self._network, self.description, self.device = network, description, device

    def run(self, *inputs: NDArray[np.uint8]) -> RawOutput:
        """Read tracks; see the protocol."""
        frames, present = inputs
        place = next(self._network.parameters()).device
        planes = scale(frames.reshape(-1, *frames.shape[2:]), 1).reshape(frames.shape)
        with torch.inference_mode():
            there = torch.from_numpy(present).to(place, torch.float32)
            output = self._network(torch.from_numpy(planes).to(place), there)
        quality = None if output.quality is None else output.quality.cpu().numpy()
        return RawOutput(*decode_logits(output.logits.cpu().numpy()), quality=quality)

    def close(self) -> None:
        """Nothing to free: whoever times it holds the network."""
