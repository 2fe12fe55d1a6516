"""A bundle that reads tracks, as a reader: one plate is one track of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.bench.reader import BaseReader
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.backends.timed import LayeredBackend, TimedBackend
from edgelpr.runtime.tracks.recognizer import TrackRecognizer

Prepared = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""(N, F, H, W) frames and (N, F) which of them are there."""


class TracksReader(BaseReader):
    """Every track is full: the network has as much to do as it can have. End to end is from decoded frames to one text.

    Args:
        recognizer: opened; this closes it.
        preprocessing: of its bundle.
        threads: processor threads of the engine; None where it has no such setting.
    """

    batched = False  # a reading is of one track

    def __init__(self, recognizer: TrackRecognizer, preprocessing: Preprocessing, threads: int | None) -> None:
        self._recognizer, self._preprocessing = recognizer, preprocessing
        self.backend, self.precision, self.threads = recognizer.backend, recognizer.precision, threads
        self.description, self.device = recognizer.description, recognizer.device
        self.engine_sha256 = recognizer.engine_sha256
        self.height_width = (preprocessing.height, preprocessing.width)

    def network_input(self, crops: Sequence[Sequence[Image]]) -> NDArray[np.uint8]:
        """(N, F, H, W): grey, resized."""
        return frames_of(self._preprocessing, crops)

    def prepare(self, batch: NDArray[np.uint8]) -> Prepared:
        """The frames, all of them there."""
        return batch, np.ones(batch.shape[:2], dtype=np.uint8)

    def run_network(self, prepared: Prepared) -> RawOutput:
        """Read tracks at once.

        Raises:
            BackendError: closed, or the engine fails.
        """
        return self._recognizer.network.run(*prepared)

    def gpu_ms(self, prepared: Prepared) -> Mapping[str, float] | None:
        """One call between events of the GPU; None where the backend has none."""
        network = self._recognizer.network
        return network.gpu_times(*prepared) if isinstance(network, TimedBackend) else None

    def layer_ms(self, prepared: Prepared, passes: int) -> Mapping[str, float] | None:
        """Each layer of a built engine; None where the backend does not tell."""
        network = self._recognizer.network
        return network.layer_times(passes, *prepared) if isinstance(network, LayeredBackend) else None

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
