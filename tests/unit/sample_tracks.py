"""A small IQ-STAN, frames for it, and the bundle that it becomes; without torch, tests that ask for the network are skipped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.confidence import TrackConfidence
from edgelpr.export.options import ExportOptions
from edgelpr.plates.format import PlateFormat

if TYPE_CHECKING:
    from edgelpr.models.iq_stan import IqStan

FRAMES = 5
PLATES = PlateFormat("digits", "0123456789", 4, void=True)
SIZES = {
    "widths": (4, 6, 8, 8, 8, 8),
    "quality_width": 8,
    "column_width": 12,
    "encoder_hidden": 8,
    "decoder_hidden": 12,
    "attention_width": 8,
}


def small_network(quality: str = "branch+attention", plate_format: PlateFormat = PLATES) -> IqStan:
    """Weights of no meaning, large enough that characters and qualities differ from track to track."""
    torch = pytest.importorskip("torch", reason="the network of tracks needs the extra 'export'")
    from edgelpr.models.iq_stan import IqStan, IqStanConfig

    torch.manual_seed(1)
    network = IqStan(IqStanConfig(quality=quality, **SIZES), plate_format)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    return network.eval()


def noise_frames(count: int) -> np.ndarray:
    """(count, 5, 50, 150) uint8: blocks of chance, as coarse in each frame as its number says."""
    draw = np.random.default_rng(0)
    frames = np.empty((count, FRAMES, 50, 150), dtype=np.uint8)
    for index in np.ndindex(count, FRAMES):
        blocks = draw.integers(0, 256, (5, 5 * (1 + index[1])), dtype=np.uint8)
        frames[index] = cv2.resize(blocks, (150, 50), interpolation=cv2.INTER_NEAREST)
    return frames


def small_bundle(
    folder: Path, quality: str = "branch+attention", confidence: TrackConfidence | None = None, **options: object
) -> Bundle:
    """The small network, exported to ``tracks.elpr`` in a folder."""
    pytest.importorskip("torch", reason="exporting the network of tracks needs the extra 'export'")
    from edgelpr.export.tracks.exporting import export_track_bundle

    chosen = ExportOptions(**({"opset": 17, "simplify": False} | options))
    network = small_network(quality)
    network.confidence = confidence
    return export_track_bundle(network, folder / "tracks.elpr", chosen, noise_frames(5), lambda line: None).bundle
