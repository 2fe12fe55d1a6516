"""A batch of crops on its way through a backend: as one array, or straight into the backend's own memory."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from edgelpr.errors import ImageError
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.backends.protocol import Backend, RawOutput, Slot
from edgelpr.runtime.inputs import Crop


class Batch:
    """Crops in order, those that can be used and the errors of the others; belongs to one thread.

    This one is for backends that take an array: it computes when it is started.

    Args:
        engine: the backend.
    """

    def __init__(self, engine: Backend) -> None:
        self._engine = engine
        self._raw: RawOutput | None = None
        self.results: list[Crop | ImageError] = []
        """What became of every crop."""
        self.crops: list[Crop] = []
        """Those of them that are read."""
        self.seconds = 0.0
        """Time that this thread spent on the network and waiting for it."""

    def row(self) -> Image | None:
        """(H, W) where the next crop is to be written; None: anywhere."""
        return None

    def add(self, result: Crop | ImageError) -> None:
        """Add a crop, written where ``row`` said, or the error of one."""
        self.results.append(result)
        if not isinstance(result, ImageError):
            self.crops.append(result)

    def start(self) -> None:
        """Begin to compute; nothing where no crop can be used.

        Raises:
            BackendError: the engine fails, or was closed.
        """
        if self.crops:
            start = perf_counter()
            self._begin()
            self.seconds += perf_counter() - start

    def finish(self) -> RawOutput:
        """What was computed; only for a batch that has crops and was started.

        Raises:
            BackendError: the engine fails.
        """
        start = perf_counter()
        raw = self._end()
        self.seconds += perf_counter() - start
        return raw

    def release(self) -> None:
        """Let go of the backend's memory; every batch has to. Again: nothing."""

    def _begin(self) -> None:
        crops = self.crops
        self._raw = self._engine.run(crops[0].pixels[None] if len(crops) == 1 else np.stack([crop.pixels for crop in crops]))

    def _end(self) -> RawOutput:
        assert self._raw is not None, "a batch is started before it is finished"
        return self._raw


class StagedBatch(Batch):
    """For backends with slots: crops are resized straight into a slot, and the GPU computes while the processor goes on.

    Args:
        engine: the backend.
        slot: one of its slots; this gives it back.
    """

    def __init__(self, engine: Backend, slot: Slot) -> None:
        super().__init__(engine)
        self._slot = slot
        (self._pixels,) = slot.inputs

    def row(self) -> Image | None:
        """The next row of the slot."""
        row: Image = self._pixels[len(self.crops)]
        return row

    def release(self) -> None:
        """Give the slot back."""
        self._pixels = self._pixels[:0]
        self._slot.release()

    def _begin(self) -> None:
        self._slot.submit(len(self.crops))

    def _end(self) -> RawOutput:
        return self._slot.result()
