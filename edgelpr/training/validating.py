"""Measuring the averaged weights while a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from edgelpr.data.digest import data_sha256
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import DataError, ImageError
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.runtime.decoding import class_mask, decode_logits
from edgelpr.training.statistics import wilson_interval

_AT_ONCE = 64


@dataclass(frozen=True)
class Validated:
    """How many of the validation plates were read right."""

    correct: int
    """Plates right as a whole."""

    plates: int
    """Plates there are; those whose file could not be read count as wrong."""

    @property
    def accuracy(self) -> float:
        """Share of plates right, 0 to 1."""
        return self.correct / self.plates

    def to_dict(self) -> dict[str, Any]:
        """What a card says of it, with a 95 % Wilson interval."""
        low, high = wilson_interval(self.correct, self.plates)
        accuracy = {"plate_accuracy": round(self.accuracy, 4), "plate_accuracy_interval": [round(low, 4), round(high, 4)]}
        return {"plates": self.plates, "correct": self.correct} | accuracy


class Validation:
    """Labelled plates, prepared once; read as the runtime reads them, with the pattern of the plate format.

    Args:
        labelled: the plates, at least one; labels that the format cannot spell count as wrong.
        plate_format: of the network.
        name: of the data, for the card.

    Raises:
        DataError: there is no plate.
    """

    def __init__(self, labelled: Sequence[LabelledCrop], plate_format: PlateFormat, name: str = "validation") -> None:
        if not labelled:
            raise DataError(f"{name}: no plate to validate with; expected at least one labelled image")
        self.name, self.sha256, self.unreadable = name, data_sha256(labelled), 0
        self._format, self.plates = plate_format, len(labelled)
        preprocessing = Preprocessing.of(plate_format)
        crops, self._texts = [], []
        for item in labelled:
            try:
                crops.append(preprocessing.apply(item.load()))
            except ImageError:
                self.unreadable += 1
            else:
                self._texts.append(item.plate)
        self._crops = torch.from_numpy(np.stack(crops)) if crops else torch.empty(0, 1, 1, dtype=torch.uint8)

    def measure(self, network: Hpa) -> Validated:
        """Read all plates with a network in evaluation mode, in float32, on its own device."""
        device = next(network.parameters()).device
        door, mask = GreyDoor(3, torch.float32), class_mask(self._format)
        correct = 0
        for start in range(0, len(self._texts), _AT_ONCE):
            with torch.inference_mode():
                inputs = door(self._crops[start : start + _AT_ONCE].to(device))
                logits = network(inputs.contiguous(memory_format=torch.channels_last)).logits
            classes, _ = decode_logits(logits.float().cpu().numpy(), mask)
            read = [self._format.decode(row) for row in classes.tolist()]
            correct += sum(ours == true for ours, true in zip(read, self._texts[start : start + _AT_ONCE]))
        return Validated(correct, self.plates)
