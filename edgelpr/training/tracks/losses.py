"""IQ-STAN's loss: characters and quality (paper, section 2.3, equations 4 to 6)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from edgelpr.models.iq_stan import IqStanOutput
from edgelpr.training.tracks.samples import TrackSample


class TrackLosses(NamedTuple):
    """The parts of the loss of one batch, scalars with gradients."""

    total: Tensor
    """Weighted sum."""

    recognition: Tensor
    """Cross entropy summed over characters, mean over plates."""

    quality: Tensor
    """Distance between score and label summed over frames, mean over plates; 0 without the branch."""


def track_losses(output: IqStanOutput, sample: TrackSample, quality_weight: float) -> TrackLosses:
    """Equations 4 to 6 but for the regularisation, which is the optimiser's.

    Args:
        output: of the network, any floating dtype.
        sample: the batch.
        quality_weight: the paper's 1 - mu, 0.5; not used without the branch, whose recognition loss counts whole.
    """
    logits, classes = output.logits.float(), sample.classes
    recognition = functional.cross_entropy(logits.flatten(0, 1), classes.flatten()) * classes.shape[1]
    if output.quality is None:
        return TrackLosses(recognition, recognition, recognition.new_zeros(()))
    distance = (output.quality.float() - sample.quality).abs() * sample.present
    quality = distance.sum(1).mean()
    return TrackLosses((1 - quality_weight) * recognition + quality_weight * quality, recognition, quality)
