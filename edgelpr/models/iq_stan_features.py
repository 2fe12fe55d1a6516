"""IQ-STAN's shared convolutions: one frame of a plate to features that both tasks use."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

FRAME_HEIGHT, FRAME_WIDTH = 50, 150
"""Rows and columns of one frame (paper, section 3.1: five of them make 750x50)."""

REDUNDANCY = 9
"""Columns repeated on each side of a frame: 150 become 168, five frames 840 (our reading of figure 2)."""

ROWS, COLUMNS = 7, 42
"""Features of one frame: an eighth of its rows, a quarter of its columns, rounded up."""

_POOLS = {0: (2, 2), 1: (2, 2), 3: (2, 1)}
"""After which convolutions, and by how much; the paper says three poolings, their places are ours."""


class SharedCnn(nn.Module):
    """Six convolutions 3x3 with batch normalisation and ReLU, three max poolings between them, dropout at the end.

    Frames go through one by one, as a batch, so none mixes with its neighbour (ours): in the paper they lie side by side,
    and differ from this only in the redundant columns. An absent frame then costs nothing while training, and a frame
    keeps its features when another one is added.

    Args:
        widths: channels of the six convolutions.
        dropout: share of channels dropped while training.
    """

    def __init__(self, widths: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(zip((1, *widths), widths)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)]
            if index in _POOLS:
                layers.append(nn.MaxPool2d(_POOLS[index], ceil_mode=True))
            layers.append(nn.ReLU(inplace=True))  # after the pooling: the same values, from a quarter of the work
        self.layers = nn.Sequential(*layers, nn.Dropout2d(dropout))

    def forward(self, frames: Tensor) -> Tensor:
        """(M, 1, 50, 150) grey, 0 to 1, to (M, C, 7, 42)."""
        widened = functional.pad(frames, (REDUNDANCY, REDUNDANCY, 0, 0), mode="replicate")
        features: Tensor = self.layers(widened)
        return features
