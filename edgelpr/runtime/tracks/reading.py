"""What reading a track returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgelpr.preprocessing.images import Image
from edgelpr.runtime.reading import CharacterReading


class FrameQuality(NamedTuple):
    """One frame that a plate was read from."""

    name: str
    """As it was added."""

    quality: float | None
    """How well the network finds it legible, 0 to 1; None for a network that gives no scores."""


@dataclass(frozen=True)
class TrackReading:
    """One plate, read from several frames."""

    plate: str
    """Its text, positions without a character left out."""

    confidence: float
    """Probability that the plate is right, 0 to 1, where the bundle has coefficients for it (``TrackConfidence``); else the
    product over all positions, those without a character included, of the winning probabilities."""

    characters: tuple[CharacterReading, ...]
    """The characters of ``plate``, in order; without boxes, because they lie in several frames."""

    frames: tuple[FrameQuality, ...]
    """The frames that were read, five at most, in the order in which they came."""

    seconds: float
    """Time of the network for this reading, scoring frames not yet scored included."""

    likeness: tuple[tuple[float, ...], ...] | None = None
    """How alike the plates of every two frames read, 0 to 1: a row and a column a frame, 1 between a frame and itself; None
    for a network that does not compare them."""

    same_plate: float | None = None
    """Probability that all frames show one plate, 0 to 1, which ``confidence`` includes; None without coefficients for it."""


class TrackMaps(NamedTuple):
    """Where the network looked; F frames that were read, K characters, h x w features of a frame."""

    frames: tuple[Image, ...]
    """(H, W) uint8, what the network saw of each frame."""

    temporal: NDArray[np.float32] | None
    """(F, h, w) weights of the features, 0 to 2, 1 leaving them as they are; None for a network without temporal attention."""

    attention: NDArray[np.float32]
    """(K, F, w) where the decoder looked for each character; of each, all of them sum to 1."""
