"""IQ-STAN's encoder and decoder: columns of features to characters (paper, section 2.2, equations 2 and 3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgelpr.models.iq_stan_features import COLUMNS, ROWS

_HIDDEN = -1e4
"""Score of a column that must not be looked at; finite in half precision, and 0 after the softmax."""


class Encoder(nn.Module):
    """A linear layer makes one vector of a column's rows and channels, then a bidirectional LSTM runs along all columns.

    Columns of absent frames enter as zeros.

    Args:
        channels: of the features.
        width: of a column's vector.
        hidden: of the LSTM, in each direction.
        dropout: share dropped while training.
    """

    def __init__(self, channels: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.reduce = nn.Linear(ROWS * channels, width)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)

    def forward(self, columns: Tensor, seen: Tensor) -> Tensor:
        """Read the columns of all frames.

        Args:
            columns: (N, T, 7 C) features, frame after frame.
            seen: (N, T) 1 where the column's frame is present, 0 elsewhere.

        Returns:
            (N, T, 2 hidden), 0 where the frame is absent.
        """
        reduced = self.dropout(torch.relu(self.reduce(columns))) * seen[..., None]
        encoded: Tensor = self.lstm(reduced)[0] * seen[..., None]
        return encoded


class Decoded(NamedTuple):
    """What the decoder returns."""

    logits: Tensor
    """(N, P, S) class scores before the softmax."""

    attention: Tensor
    """(N, P, T) where the decoder looked for each character, 0 to 1, summing to 1; 0 on absent frames."""


class Decoder(nn.Module):
    """An LSTM with additive attention (Bahdanau, as in the paper's reference 19), one character a step.

    The number of steps is fixed, so the loop unrolls into a graph without conditions; void fills up shorter plates.
    Ours: a column's place within its frame and the number of the step are learned vectors, which the attention sees, so
    that corresponding columns of five frames are found together.

    Args:
        inputs: width of an encoded column.
        hidden: of the LSTM.
        attention: width in which columns and state are compared.
        classes: S, void included.
        positions: P, steps.
    """

    def __init__(self, inputs: int, hidden: int, attention: int, classes: int, positions: int) -> None:
        super().__init__()
        self.classes, self.positions = classes, positions
        self.keys, self.query = nn.Linear(inputs, attention), nn.Linear(hidden, attention, bias=False)
        self.places = nn.Parameter(0.1 * torch.randn(COLUMNS, attention))
        self.steps = nn.Parameter(0.1 * torch.randn(positions, attention))
        self.compare = nn.Linear(attention, 1, bias=False)
        self.previous = nn.Embedding(classes + 1, attention)  # the last one stands for the start
        self.cell = nn.LSTMCell(inputs + attention, hidden)
        self.classify = nn.Linear(hidden + inputs, classes)

    def forward(self, encoded: Tensor, seen: Tensor, told: Tensor | None = None) -> Decoded:
        """Spell the plate.

        Args:
            encoded: (N, T, inputs) encoded columns, T a multiple of the columns of a frame.
            seen: (N, T) 1 where the column's frame is present, 0 elsewhere.
            told: (N, P) true classes that a step is told of instead of the decoder's own choice before it; below 0 its own.
                Without any, all choices are its own.
        """
        frames = encoded.shape[1] // COLUMNS
        keys = self.keys(encoded) + self.places.repeat(frames, 1)
        barred = (1 - seen) * _HIDDEN
        state = (encoded.new_zeros(encoded.shape[0], self.cell.hidden_size),) * 2
        last = torch.full((encoded.shape[0],), self.classes, dtype=torch.long, device=encoded.device)
        logits, looks = [], []
        for step in range(self.positions):
            query = self.query(state[0]) + self.steps[step]
            scores = self.compare(torch.tanh(keys + query[:, None])).squeeze(2)
            look = torch.softmax(scores.float() + barred, dim=1)
            context = (look[:, None].to(encoded.dtype) @ encoded).squeeze(1)
            state = self.cell(torch.cat([context, self.previous(last).to(context.dtype)], dim=1), state)
            logits.append(self.classify(torch.cat([state[0].to(context.dtype), context], dim=1)))
            looks.append(look)
            last = logits[-1].argmax(1)
            if told is not None:
                last = torch.where(told[:, step] < 0, last, told[:, step])
        return Decoded(torch.stack(logits, dim=1), torch.stack(looks, dim=1))
