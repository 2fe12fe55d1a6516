"""Engines that read tracks on a real GPU: IQ-STAN, built here, reads as the processor does.

Needs a driver that answers, TensorRT or TensorRT-RTX, and PyTorch to export; skips with the reason elsewhere.
"""

from __future__ import annotations

import numpy as np
import pytest

from edgelpr.bundle.bundle import Bundle
from edgelpr.runtime.tracks.recognizer import TrackRecognizer

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """(4, 5, 50, 150): blocks of chance, coarser from frame to frame."""
    draw = np.random.default_rng(0)
    made = [draw.integers(0, 256, (4, 1, 5, 5 * size), dtype=np.uint8) for size in (1, 2, 3, 5, 6)]
    return np.concatenate([np.kron(each, np.ones((10, 150 // each.shape[3]), np.uint8)) for each in made], axis=1)


@pytest.fixture(scope="module")
def bundle(backend, frames, tmp_path_factory) -> Bundle:
    """IQ-STAN of the real size with fresh weights, scaled so that readings differ and none is a near tie."""
    torch = pytest.importorskip("torch", reason="exporting needs the extra 'export'")
    from edgelpr.export.options import ExportOptions
    from edgelpr.export.tracks.exporting import export_track_bundle
    from edgelpr.models.iq_stan import create_iq_stan
    from edgelpr.plates.loading import load_plate_format

    torch.manual_seed(1)
    network = create_iq_stan(load_plate_format("cn")).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
        network.decoder.classify.weight.mul_(60)
        network.quality.first.weight.mul_(0.02)
    folder = tmp_path_factory.mktemp("gpu") / "tracks.elpr"
    return export_track_bundle(network, folder, ExportOptions(17), frames, lambda line: None).bundle


def test_it_reads_what_the_processor_reads(bundle, backend, frames):
    tracks = [list(track[:count]) for track in frames for count in (1, 3, 5)]
    with TrackRecognizer.open(bundle, threads=1) as recognizer:
        expected = [recognizer.read(track) for track in tracks]
    with TrackRecognizer.open(bundle, backend, build=True) as recognizer:
        recognizer.warmup()
        found = [recognizer.read(track) for track in tracks]
    assert len({reading.plate for reading in expected}) > 5
    assert [reading.plate for reading in found] == [reading.plate for reading in expected]
    for one, wanted in zip(found, expected):
        assert one.confidence == pytest.approx(wanted.confidence, rel=0.02)
        assert [score for _, score in one.frames] == pytest.approx([score for _, score in wanted.frames], abs=1e-3)
