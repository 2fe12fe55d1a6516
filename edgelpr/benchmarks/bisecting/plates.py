"""Labelled plates, prepared once and held as bytes, so that hundreds of graphs can read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgelpr.calibration.overlap import hashes_of
from edgelpr.calibration.sampling import spread_indices
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import DataError, ImageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.training.scores import Progress

MOST_PLATES = 10_000
"""Plates at most that layers are chosen on; the record keeps the hash of each, and has to stay readable."""


@dataclass(frozen=True)
class PreparedPlates:
    """Plates ready for the network."""

    crops: NDArray[np.uint8]
    """(N, H, W), 0 to 255."""

    texts: tuple[str, ...]
    """What stands on each of the N."""

    hashes: tuple[str, ...] = ()
    """Of the pixels of the N, as the calibration record keeps them; a plate with corners has two."""

    unreadable: int = 0
    """Files that could not be loaded; every graph reads them wrong."""

    @property
    def total(self) -> int:
        """All plates, those that could not be loaded included."""
        return len(self.texts) + self.unreadable

    def evenly(self, most: int) -> PreparedPlates:
        """At most so many of those that could be loaded, spread evenly."""
        if len(self.texts) <= most:
            return PreparedPlates(self.crops, self.texts)
        chosen = spread_indices(len(self.texts), most)
        return PreparedPlates(self.crops[chosen], tuple(self.texts[index] for index in chosen))


def plates_to_choose_on(labelled: Sequence[LabelledCrop], most: int = MOST_PLATES) -> Sequence[LabelledCrop]:
    """All of the plates, or where they are too many some of them, spread evenly."""
    return labelled if len(labelled) <= most else [labelled[index] for index in spread_indices(len(labelled), most)]


def prepare_plates(
    labelled: Sequence[LabelledCrop], preprocessing: Preprocessing, rectify: bool, progress: Progress
) -> PreparedPlates:
    """Load and resize.

    Args:
        labelled: the plates.
        preprocessing: how a crop becomes the network's input.
        rectify: straighten plates by their corners where the labels give them.
        progress: called after each plate.

    Raises:
        DataError: no plate, or none that can be loaded.
    """
    crops, texts, hashes = [], [], list[str]()
    for done, crop in enumerate(labelled, 1):
        try:
            crops.append(preprocessing.apply(crop.load(rectify)))
            texts.append(crop.plate)
            hashes.extend(hashes_of(crop))
        except ImageError:  # counted; `edgelpr eval` names them
            pass
        progress(done, len(labelled))
    if not crops:
        raise DataError(f"none of the {len(labelled)} labelled plates can be loaded; 'edgelpr check' says why")
    return PreparedPlates(np.stack(crops), tuple(texts), tuple(hashes), len(labelled) - len(crops))
