"""Measuring the averaged weights on held-out tracks while a run goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from edgelpr.data.rendering.tracks.tracks import TrackRenderer
from edgelpr.models.iq_stan import FRAMES, IqStan
from edgelpr.training.tracks.samples import TrackSample, as_sample

RESERVED_SEED = 9_000_000
"""From here on seeds are those of tracks that are measured: no run may have one as its own."""

HELD_OUT_SEED = RESERVED_SEED + 1
"""Of the tracks that a run is watched on."""

_AT_ONCE = 50


@dataclass(frozen=True)
class TrackFigures:
    """How well tracks are read."""

    plate_accuracy: float
    """Share of plates right as a whole, 0 to 1."""

    accuracy_without_first: float
    """The same without the first character, which is Chinese on Chinese plates."""

    first_frame_accuracy: float
    """Share right when only the first frame of each track is shown."""

    quality_correlation: float | None
    """Linear correlation of scores and labels over all frames (LCC of the paper's table 2); None without the branch."""


def held_out_tracks(renderer: TrackRenderer, count: int) -> TrackSample:
    """Hard rendered tracks of five frames that no run trains on, as one batch."""
    order = range(FRAMES)
    tracks = (renderer.render(HELD_OUT_SEED, number) for number in range(count))
    return stacked(as_sample(track, order, renderer.plate_format) for track in tracks)


def stacked(samples: Iterable[TrackSample]) -> TrackSample:
    """Samples as one batch."""
    return TrackSample(*(torch.stack(parts) for parts in zip(*samples)))


def measure_tracks(network: IqStan, tracks: TrackSample) -> TrackFigures:
    """Read a batch of tracks with a network in evaluation mode, in float32, each choice its own.

    Args:
        network: on any device.
        tracks: at least one.
    """
    classes, quality = _read(network, tracks.frames, tracks.present)
    alone = torch.zeros_like(tracks.present)
    alone[:, 0] = 1
    single, _ = _read(network, tracks.frames, alone)
    return TrackFigures(
        _share(classes == tracks.classes),
        _share((classes == tracks.classes)[:, 1:]),
        _share(single == tracks.classes),
        None if quality is None else _correlation(quality, tracks),
    )


def _read(network: IqStan, frames: torch.Tensor, present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    device = next(network.parameters()).device
    classes, scores = [], []
    with torch.inference_mode():
        for start in range(0, len(frames), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            output = network(frames[part].to(device).float() / 255, present[part].to(device))
            classes.append(output.logits.argmax(2).cpu())
            scores.append(None if output.quality is None else output.quality.cpu())
    found = [score for score in scores if score is not None]
    return torch.cat(classes), torch.cat(found) if found else None


def _share(right: torch.Tensor) -> float:
    return right.all(1).float().mean().item()


def _correlation(quality: torch.Tensor, tracks: TrackSample) -> float:
    there = tracks.present > 0
    return torch.corrcoef(torch.stack([quality[there], tracks.quality[there]]))[0, 1].item()
