"""A reader of single crops beside one of tracks: it reads every frame of a track, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.bench.reader import BaseReader, Reader
from edgelpr.preprocessing.images import Image


class EachFrame(BaseReader):
    """As many readings as a track has frames, by a single-frame network: what reading a track is held against.

    Nothing joins the readings: that costs microseconds, and which of them is right is a question of accuracy.

    Args:
        reader: of single crops; this closes it.
    """

    batched = False

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.backend, self.precision, self.threads = reader.backend, reader.precision, reader.threads
        self.description, self.device = f"{reader.description}, each frame by itself", reader.device
        self.engine_sha256, self.gpu = reader.engine_sha256, reader.gpu
        self.transfers = reader.transfers

    def network_input(self, crops: Sequence[Sequence[Image]]) -> NDArray[np.uint8]:
        """(N, F, H, W): each frame as the reader wants it."""
        return np.stack([self._reader.network_input(frames) for frames in crops])

    def prepare(self, batch: NDArray[np.uint8]) -> list[Any]:
        """Every frame of every track apart, as the reader wants it."""
        return [self._reader.prepare(frame[None]) for track in batch for frame in track]

    def run_network(self, prepared: list[Any]) -> None:
        """Run the network once a frame."""
        for frame in prepared:
            self._reader.run_network(frame)

    def synchronise(self) -> None:
        """Wait for the device."""
        self._reader.synchronise()

    def read(self, crops: Sequence[Sequence[Image]]) -> list[str]:
        """The text of each track's last frame, after those before it were read too."""
        return [[self._reader.read((frame,))[0] for frame in frames][-1] for frames in crops]

    def close(self) -> None:
        """Free the reader."""
        self._reader.close()
