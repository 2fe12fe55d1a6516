"""IQ-STAN as its graph appears from outside."""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgelpr.export.folding import fold_batch_normalisation
from edgelpr.models.iq_stan import FRAMES, IqStan, IqStanOutput
from edgelpr.models.iq_stan_features import COLUMNS, FRAME_HEIGHT, FRAME_WIDTH, ROWS


class TrackBatch(NamedTuple):
    """Tracks as the graph takes them."""

    frames: NDArray[np.uint8]
    """(N, 5, 50, 150) grey, 0 to 255; what stands in an absent frame does not matter."""

    present: NDArray[np.uint8]
    """(N, 5), 1 for a frame that is there, 0 for one that is not."""

    def rows(self, numbers: NDArray[np.int64]) -> TrackBatch:
        """Some of the tracks."""
        return TrackBatch(self.frames[numbers], self.present[numbers])


def some_absent(frames: NDArray[np.uint8]) -> TrackBatch:
    """Tracks of which the first has all five frames, the next only the first four, and so on, again and again.

    Args:
        frames: (N, 5, 50, 150).
    """
    counts = FRAMES - np.arange(len(frames)) % FRAMES
    return TrackBatch(frames, (np.arange(FRAMES) < counts[:, None]).astype(np.uint8))


class TrackModule(nn.Module):
    """Bytes in; classes, probabilities, quality and attention out. The decoder's loop is unrolled, its choice inside.

    Args:
        network: left as it is; a copy is folded.
        maps: whether temporal and decoder attention are outputs.
    """

    def __init__(self, network: IqStan, maps: bool) -> None:
        super().__init__()
        copy = deepcopy(network).eval()
        for parameter in copy.parameters():
            parameter.requires_grad_(False)
        fold_batch_normalisation(copy)
        self.network, self.maps = copy, maps
        self.eval()

    def forward(self, frames: Tensor, present: Tensor) -> tuple[Tensor, ...]:
        """(N, 5, 50, 150) uint8 and (N, 5) uint8 to the outputs in the order of ``outputs``."""
        dtype = self.network.decoder.places.dtype
        result = self.network(frames.to(dtype) / 255, present.to(dtype), compare=True)
        probabilities = torch.softmax(result.logits, dim=-1).amax(-1)
        # Older parsers return 32-bit indices, newer ones 64-bit: say which.
        extras = extra_outputs(result, self.maps)
        return (result.logits.argmax(-1).to(torch.int32), probabilities, *extras.values())

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs in order."""
        scores = self.network.config.quality != "none"
        weighs = self.network.config.quality == "branch+attention"
        found = {"quality": scores, "likeness": True, "temporal": weighs and self.maps, "attention": self.maps}
        return ("classes", "probabilities", *(name for name, there in found.items() if there))

    @staticmethod
    def example() -> tuple[Tensor, Tensor]:
        """Inputs of the right shape: two tracks, so that the batch is not taken for a constant."""
        return torch.zeros(2, FRAMES, FRAME_HEIGHT, FRAME_WIDTH, dtype=torch.uint8), torch.ones(2, FRAMES, dtype=torch.uint8)


def extra_outputs(result: IqStanOutput, maps: bool) -> dict[str, Tensor]:
    """What a graph may return beside the plate, frame by frame; see ``Graph.outputs``.

    Args:
        result: of the network.
        maps: whether attention is wanted.
    """
    extras = {} if result.quality is None else {"quality": result.quality}
    if result.likeness is not None:
        extras["likeness"] = result.likeness
    if maps and result.temporal is not None:
        # (N, 7, 5 * 42) to (N, 5, 7, 42)
        extras["temporal"] = result.temporal.reshape(-1, ROWS, FRAMES, COLUMNS).transpose(1, 2)
    if maps:
        extras["attention"] = result.attention.reshape(-1, result.attention.shape[1], FRAMES, COLUMNS)
    return extras
