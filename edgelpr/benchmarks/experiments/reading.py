"""Reading plates with a network as it was trained, without exporting it first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from time import perf_counter

import torch

from edgelpr.errors import ImageError
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import Image
from edgelpr.runtime.backends.protocol import RawOutput
from edgelpr.runtime.decoding import class_mask, decode_logits, to_readings
from edgelpr.runtime.reading import Reading


class NetworkReader:
    """A ``PlateReader`` over a network in PyTorch, float32.

    Args:
        network: is put into evaluation mode.
        device: ``cpu`` or ``cuda``.
        batch: crops at a time.
    """

    backend = "torch"
    precision = "fp32"

    def __init__(self, network: Hpa, device: str = "cpu", batch: int = 64) -> None:
        self._network, self._device, self._batch = network.to(device).eval(), device, batch
        self._door = GreyDoor(3, torch.float32)
        self._preprocessing = Preprocessing.of(network.plate_format)
        self._mask = class_mask(network.plate_format)

    def stream(self, images: Iterable[Image]) -> Iterator[Reading | ImageError]:
        """Readings in the order of the images, a batch at a time."""
        waiting = iter(images)
        while batch := list(islice(waiting, self._batch)):
            yield from self._read(batch)

    def _read(self, images: Sequence[Image]) -> list[Reading]:
        began = perf_counter()
        raw = self.read_batch(self._preprocessing.batch(images))
        sizes = [(image.shape[1], image.shape[0]) for image in images]
        return to_readings(raw, self._network.plate_format, sizes, (perf_counter() - began) / len(images))

    def read_batch(self, crops: Image) -> RawOutput:
        """Classes and probabilities of preprocessed crops (N, H, W), uint8."""
        with torch.inference_mode():
            logits = self._network(self._door(torch.from_numpy(crops).to(self._device))).logits
        return RawOutput(*decode_logits(logits.cpu().numpy(), self._mask), None)
