"""Labelled real crops to mix in, set by set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edgelpr.data.digest import pixel_sha256
from edgelpr.data.fitting import small_grey
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import PlateFormatError, TrainingError
from edgelpr.plates.format import PlateFormat
from edgelpr.preprocessing.images import Image

_SHOWN = 5
_TIMES_INPUT = 2


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

    part: str = "all"
    """Which part of the data set they are."""

    rectify: bool = False
    """Whether plates were straightened by their corners, where the labels give them."""

    def __post_init__(self) -> None:
        if not self.crops:
            raise TrainingError(f"{self.name}: no crop in this set; expected at least one labelled crop")

    @cached_property
    def pixel_hashes(self) -> tuple[str, ...]:
        """``pixel_sha256`` of each crop."""
        return tuple(pixel_sha256(image) for image, _ in self.crops)

    @cached_property
    def sha256(self) -> str:
        """Over plates and pixels, in their order, in hexadecimal."""
        lines = (f"{plate}\t{pixels}" for (_, plate), pixels in zip(self.crops, self.pixel_hashes))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """What a card says of them."""
        about = {"data": self.name, "part": self.part, "crops": len(self.crops), "sha256": self.sha256}
        return about | {"rectify": self.rectify}


def load_real_set(
    labelled: Sequence[LabelledCrop],
    input_height: int,
    name: str = "real crops",
    part: str = "all",
    rectify: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> RealSet:
    """Crops in memory as ``kept_crop`` makes them: 100 000 of them take about 2 GB.

    Args:
        labelled: the plates.
        input_height: of the network, in pixels.
        name: of the data set, for messages and the card.
        part: of the data set, for the card.
        rectify: straighten plates by their corners where the labels give them.
        progress: called with how many are there, of how many.

    Raises:
        ImageError: a file cannot be read; ``edgelpr check`` finds them all.
        TrainingError: there is no plate.
    """
    crops = []
    for number, item in enumerate(labelled, start=1):
        crops.append((kept_crop(item.load(rectify), input_height), item.plate))
        progress(number, len(labelled))
    return RealSet(tuple(crops), name, part, rectify)


def kept_crop(crop: Image, input_height: int) -> Image:
    """A crop as it is kept in memory: grey, which is what networks see, and at most twice as high as their input.

    Args:
        crop: (H, W) grey or (H, W, 3) BGR, uint8.
        input_height: of the network, in pixels.

    Returns:
        (h, w) uint8.
    """
    return small_grey(crop, _TIMES_INPUT * input_height)


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
    return hashlib.sha256("\n".join(real.sha256 for real in sets).encode()).hexdigest() if sets else None
