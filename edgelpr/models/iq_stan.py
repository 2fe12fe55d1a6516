"""IQ-STAN: up to five frames of one plate, weighted by their quality, read as one.

Paper: "IQ-STAN: Image Quality Guided Spatio-Temporal Attention Network for License Plate Recognition", ICASSP 2020. No code
was ever released; where the paper is silent the choice stands beside the code, marked as ours. Frames are grey where the
paper's are RGB (ours): the toolkit has one definition of how a crop becomes an input, and colour tells the type of a plate
but none of its characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgelpr.bundle.confidence import TrackConfidence
from edgelpr.models.iq_stan_features import COLUMNS, FRAME_HEIGHT, FRAME_WIDTH, ROWS, SharedCnn
from edgelpr.models.iq_stan_likeness import likeness
from edgelpr.models.iq_stan_quality import PATCHES, QualityBranch, TemporalAttention
from edgelpr.models.iq_stan_reading import Decoder, Encoder
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.types import QualityUse

FRAMES = 5
"""Frames the network takes at once; fewer are marked as absent."""


@dataclass(frozen=True)
class IqStanConfig:
    """Sizes; the paper states none but those of its features."""

    name: str = "iq-stan"
    """Name on the command line and in checkpoints."""

    quality: QualityUse = "branch+attention"
    """Which parts there are, for the paper's ablation (tables 1 and 2)."""

    widths: tuple[int, ...] = (24, 48, 80, 96, 112, 112)
    """Channels of the six convolutions: 0.7 G multiply-adds for five frames."""

    quality_width: int = 64
    """Between the two layers of the quality branch."""

    column_width: int = 160
    """A column of features after the linear layer."""

    encoder_hidden: int = 128
    """Of the encoder's LSTM, in each direction."""

    decoder_hidden: int = 256
    """Of the decoder's LSTM."""

    attention_width: int = 128
    """In which the decoder compares columns with its state."""

    dropout: float = 0.1
    """After the convolutions and before the encoder."""


class IqStanOutput(NamedTuple):
    """What the network returns; P positions, S classes."""

    logits: Tensor
    """(N, P, S) class scores before the softmax."""

    attention: Tensor
    """(N, P, 210) where the decoder looked for each character, summing to 1 over columns; 0 on absent frames."""

    quality: Tensor | None
    """(N, 5) score a frame, 0 to 1, the mean of its patches; 0 for absent frames. None without the branch."""

    temporal: Tensor | None
    """(N, 7, 210) weights of the features, 0 to 2; 0 on absent frames. None without the attention."""

    likeness: Tensor | None = None
    """(N, 5, 5) how alike the plates of every two frames read, 0 to 1; 1 wherever a frame is absent. None unless asked for."""


class IqStan(nn.Module):
    """The network of the paper.

    Its attribute ``confidence`` travels with the weights: how outputs become a probability that the plate is right, once that
    was fitted.

    Args:
        config: sizes and parts.
        plate_format: alphabet (S classes, void included) and positions (P).
    """

    def __init__(self, config: IqStanConfig, plate_format: PlateFormat) -> None:
        super().__init__()
        self.config, self.plate_format = config, plate_format
        self.confidence: TrackConfidence | None = None
        channels = config.widths[-1]
        self.cnn = SharedCnn(config.widths, config.dropout)
        self.quality = None if config.quality == "none" else QualityBranch(channels, config.quality_width)
        self.temporal = TemporalAttention() if config.quality == "branch+attention" else None
        self.encoder = Encoder(channels, config.column_width, config.encoder_hidden, config.dropout)
        encoded, hidden, width = 2 * config.encoder_hidden, config.decoder_hidden, config.attention_width
        self.decoder = Decoder(encoded, hidden, width, plate_format.classes, plate_format.positions)

    @property
    def preprocessing(self) -> Preprocessing:
        """How a crop becomes a frame."""
        return Preprocessing(FRAME_HEIGHT, FRAME_WIDTH)

    def forward(self, frames: Tensor, present: Tensor, told: Tensor | None = None, compare: bool = False) -> IqStanOutput:
        """Read a batch of tracks.

        Args:
            frames: (N, 5, 50, 150) float, grey, 0 to 1; what stands in an absent frame does not matter, if it is finite.
            present: (N, 5) float, 1 for a frame that is there, 0 for one that is not; at least one is there.
            told: (N, P) true classes while training; see ``Decoder.forward``.
            compare: whether to read each frame alone as well, for ``likeness``.
        """
        return self.read_features(self._features(frames, present), present, told, compare)

    def read_features(
        self, features: Tensor, present: Tensor, told: Tensor | None = None, compare: bool = False
    ) -> IqStanOutput:
        """Read tracks from what the convolutions made of their frames, which several readings of one frame can share.

        Args:
            features: (5N, C, 7, 42) of ``cnn``, frame after frame, 0 for absent frames.
            present: as for ``forward``.
            told: likewise.
            compare: likewise.
        """
        scores = None if self.quality is None else self.quality(features)  # (5N, 7)
        weights = None
        if self.temporal is not None and scores is not None:
            weights = self.temporal(scores) * present.reshape(-1, 1, 1, 1).to(scores.dtype)
            features = features * weights
        seen = present.repeat_interleave(COLUMNS, dim=1)  # (N, 210)
        columns = _columns(features)
        decoded = self.decoder(self.encoder(columns, seen), seen, told)
        quality = None if scores is None else scores.reshape(-1, FRAMES, PATCHES).mean(2) * present
        temporal = None if weights is None else _side_by_side(weights)
        alike = self._compare(columns, present) if compare else None
        return IqStanOutput(decoded.logits, decoded.attention, quality, temporal, alike)

    def _compare(self, columns: Tensor, present: Tensor) -> Tensor:
        """Likeness (N, 5, 5), from the columns (N, 210, 7 C) of tracks; their convolutions are not computed again."""
        alone = columns.reshape(-1, COLUMNS, columns.shape[2])  # (5N, 42, 7 C)
        seen = torch.ones_like(alone[:, :, 0])
        logits = self.decoder(self.encoder(alone, seen), seen).logits  # (5N, P, S)
        probabilities = torch.softmax(logits.float(), dim=2).to(columns.dtype)
        return likeness(probabilities.reshape(-1, FRAMES, *logits.shape[1:]), present)

    def _features(self, frames: Tensor, present: Tensor) -> Tensor:
        """(5N, C, 7, 42), 0 for absent frames."""
        alone = frames.reshape(-1, 1, FRAME_HEIGHT, FRAME_WIDTH)
        if not self.training:
            features: Tensor = self.cnn(alone) * present.reshape(-1, 1, 1, 1)
            return features
        # Absent frames would spoil the statistics of the batch normalisation.
        there = present.reshape(-1) > 0
        found: Tensor = self.cnn(alone[there])
        empty = found.new_zeros(len(alone), *found.shape[1:])
        return empty.index_put((there.nonzero().squeeze(1),), found)


def _columns(features: Tensor) -> Tensor:
    """(5N, C, 7, 42) to (N, 210, 7 C): what stands in a column of a frame is one vector."""
    by_column = features.permute(0, 3, 1, 2)  # (5N, 42, C, 7)
    return by_column.reshape(-1, FRAMES * COLUMNS, features.shape[1] * ROWS)


def _side_by_side(weights: Tensor) -> Tensor:
    """(5N, 1, 7, 42) to (N, 7, 210), as the frames lie in the paper's figure 2."""
    return weights.reshape(-1, FRAMES, ROWS, COLUMNS).transpose(1, 2).reshape(-1, ROWS, FRAMES * COLUMNS)


def create_iq_stan(plate_format: PlateFormat, quality: QualityUse = "branch+attention") -> IqStan:
    """Build the network with fresh weights."""
    return IqStan(IqStanConfig(quality=quality), plate_format)
