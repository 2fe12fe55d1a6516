"""A recogniser without a network: the brightness of a crop says which plate is read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.manifest import Manifest
from edgelpr.plates.loading import load_plate_format
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.recognizer import Recognizer

PLATES = ("皖A12345", "京B67890", "沪C1111D", "粤AD12345")
"""What is read from crops drawn by ``draw_crop``, by number."""

CN = load_plate_format("cn")
_POSITIONS = 8


class StubEngine:
    """Reads the plate of the crop's brightness, with probability 0.9 a position and one bright map cell each."""

    description = "stub engine, 1 thread"
    device = "CPU"
    engine_sha256 = None

    def run(self, batch):
        numbers = (batch.mean(axis=(1, 2)) // 10).astype(int)
        classes = np.array([CN.encode(PLATES[number]) for number in numbers], np.int32)
        maps = np.zeros((len(batch), _POSITIONS, 7, 24), np.float32)
        for position in range(_POSITIONS):
            maps[:, position, 2:5, 3 * position : 3 * position + 3] = 0.9
        return RawOutput(classes, np.full(classes.shape, 0.9, np.float32), maps)

    def close(self):
        """Nothing to free."""


def stub_bundle() -> Bundle:
    manifest = Manifest("0", "stub", "hpa-nano", "shared", CN, Preprocessing.of(CN), graphs=())
    return Bundle(Path("stub.elpr"), manifest)


def stub_recognizer(batch_size: int = 16) -> Recognizer:
    return Recognizer(stub_bundle(), StubEngine(), "onnxruntime", "fp32", batch_size)


def install(monkeypatch) -> None:
    """Make every bundle open as the stub."""
    monkeypatch.setattr("edgelpr.bundle.bundle.Bundle.open", classmethod(lambda cls, path: stub_bundle()))
    monkeypatch.setattr("edgelpr.runtime.loading.load_backend", lambda *arguments: StubEngine())


def draw_crop(path: Path, number: int = 0) -> Path:
    """A crop that the stub reads as ``PLATES[number]``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((24, 94, 3), 10 * number + 5, np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path
