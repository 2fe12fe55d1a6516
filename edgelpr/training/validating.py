"""Measuring the averaged weights while a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgelpr.data.digest import data_sha256, pixel_sha256
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import DataError, ImageError, TrainingError
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.runtime.decoding import class_mask, decode_logits
from edgelpr.training.real import RealSet, kept_crop
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
        rectify: straighten plates by their corners where the labels give them.

    Raises:
        DataError: there is no plate.
    """

    def __init__(
        self, labelled: Sequence[LabelledCrop], plate_format: PlateFormat, name: str = "validation", rectify: bool = False
    ) -> None:
        if not labelled:
            raise DataError(f"{name}: no plate to validate with; expected at least one labelled image")
        self.name, self.unreadable, self.plates = name, 0, len(labelled)
        self.measured_on: dict[str, Any] = {"data_sha256": data_sha256(labelled), "plates": len(labelled), "rectify": rectify}
        """What tells these plates from others: counts on two sets cannot be compared."""
        self._format = plate_format
        self._files: dict[str, Path] = {}
        preprocessing = Preprocessing.of(plate_format)
        crops, self._texts = [], []
        for item in labelled:
            try:
                crop = item.load(rectify)
                crops.append(preprocessing.apply(crop))
            except ImageError:
                self.unreadable += 1
            else:
                self._texts.append(item.plate)
                self._files[pixel_sha256(kept_crop(crop, plate_format.height_width[0]))] = item.path
        self._crops = torch.from_numpy(np.stack(crops)) if crops else torch.empty(0, 1, 1, dtype=torch.uint8)

    def check_apart(self, sets: Sequence[RealSet]) -> None:
        """Refuse to validate with a crop that trains too.

        Raises:
            TrainingError: at least one crop of the sets has the same pixels as one of these.
        """
        for real in sets:
            shared = [self._files[pixels] for pixels in real.pixel_hashes if pixels in self._files]
            if shared:
                raise TrainingError(
                    f"{shared[0]}: trains, in {real.name}, and validates, in {self.name} (such crops: {len(shared)}); a figure "
                    "measured on them means nothing: choose parts with --split and --validate-split, or leave them out"
                )

    def describe(self, result: Validated, weights: str, steps: int) -> dict[str, Any]:
        """An entry of a card's list ``accuracy``.

        Args:
            result: of these plates.
            weights: name of the file.
            steps: done by those weights.
        """
        engine = {"precision": "fp32", "backend": "torch"}
        return {"weights": weights, "steps": steps, "data": self.name} | engine | self.measured_on | result.to_dict()

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
