"""A bundle that reads tracks, as a reader: one plate is one track of frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.bench.network_reader import NetworkReader, Prepared
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.tracks.recognizer import TrackRecognizer


class TracksReader(NetworkReader):
    """Every track is full: the network has as much to do as it can have. End to end is from decoded frames to one text.

    Args:
        recognizer: opened; this closes it.
        preprocessing: of its bundle.
        threads: processor threads of the engine; None where it has no such setting.
    """

    batched = False  # a reading is of one track

    def __init__(self, recognizer: TrackRecognizer, preprocessing: Preprocessing, threads: int | None) -> None:
        super().__init__(recognizer.network, recognizer.backend, recognizer.precision, threads, preprocessing)
        self._recognizer, self._preprocessing = recognizer, preprocessing

    def network_input(self, crops: Sequence[Sequence[Image]]) -> NDArray[np.uint8]:
        """(N, F, H, W): grey, resized."""
        return frames_of(self._preprocessing, crops)

    def prepare(self, batch: NDArray[np.uint8]) -> Prepared:
        """The frames, all of them there."""
        return batch, np.ones(batch.shape[:2], dtype=np.uint8)

    def read(self, crops: Sequence[Sequence[Image]]) -> list[str]:
        """Read each track from its frames, as ``TrackRecognizer.read`` does.

        Raises:
            ImageError: a frame that cannot be used.
            BackendError: closed, or the engine fails.
        """
        return [self._recognizer.read(frames).plate for frames in crops]

    def close(self) -> None:
        """Free the network."""
        self._recognizer.close()


def frames_of(preprocessing: Preprocessing, tracks: Sequence[Sequence[Image]]) -> NDArray[np.uint8]:
    """(N, F, H, W) uint8, of N tracks of F frames of any sizes."""
    return np.stack([preprocessing.batch(track) for track in tracks])
