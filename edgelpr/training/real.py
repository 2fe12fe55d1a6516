"""Labelled real crops to mix in, set by set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgelpr.errors import PlateFormatError, TrainingError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image

_SHOWN = 5


@dataclass(frozen=True)
class RealSet:
    """Crops of one data set.

    Raises:
        TrainingError: there is no crop.
    """

    crops: tuple[tuple[Image, str], ...]
    """(crop, plate) pairs; crops (H, W) grey or (H, W, 3) BGR, uint8."""

    name: str = "real crops"
    """For messages and the card."""

    def __post_init__(self) -> None:
        if not self.crops:
            raise TrainingError(f"{self.name}: no crop in this set; expected at least one labelled crop")


def shares_of(sets: Sequence[RealSet], weights: Sequence[float]) -> tuple[float, ...]:
    """How often each set is drawn, summing to 1; equally often without weights, however many crops each has.

    Raises:
        TrainingError: another number of weights than of sets, or weights that are not more than 0.
    """
    if weights and len(weights) != len(sets):
        raise TrainingError(f"{len(weights)} weights for {len(sets)} sets of real crops; expected one weight a set")
    chosen = tuple(weights) or (1.0,) * len(sets)
    return tuple(weight / sum(chosen) for weight in chosen)


def check_plates(plate_format: PlateFormat, sets: Sequence[RealSet]) -> None:
    """Find labels that cannot be encoded now, not hours into the run.

    Raises:
        TrainingError: labels that do not fit the format.
    """
    plates = [plate for real in sets for _, plate in real.crops]
    mistakes = []
    for plate in plates:
        try:
            plate_format.encode(plate)
        except PlateFormatError as error:
            mistakes.append(str(error))
    if mistakes:
        shown = "; ".join(mistakes[:_SHOWN]) + (f"; and {len(mistakes) - _SHOWN} more" if len(mistakes) > _SHOWN else "")
        raise TrainingError(f"{len(mistakes)} of {len(plates)} real crops have labels that do not fit: {shown}")


def real_identity(sets: Sequence[RealSet]) -> str | None:
    """SHA-256 over plates and pixels of all sets in their order; None without any."""
    crops = hashlib.sha256()
    for number, real in enumerate(sets):
        if number:
            crops.update(f"set {number}".encode())
        for image, plate in real.crops:
            crops.update(f"{plate} {image.shape}".encode())
            crops.update(np.ascontiguousarray(image).data)
    return crops.hexdigest() if sets else None
