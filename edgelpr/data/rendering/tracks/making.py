"""Tracks made from single crops, for whoever has no tracks: always the same ones from the same crop."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgelpr.data.digest import pixel_sha256
from edgelpr.data.rendering.tracks.from_crop import frames_from
from edgelpr.data.rendering.tracks.tracks import GENERATOR_VERSION
from edgelpr.errors import DataError
from edgelpr.preprocessing.images import Image

_DIGITS = 16
_FULL_SHARE = 0.5
"""How many tracks have all frames; the others have fewer, each number equally often (ours)."""


@dataclass(frozen=True)
class MadeTracks:
    """How single crops become tracks. Which track a crop becomes depends on its pixels alone, not on its place among others.

    Raises:
        DataError: a hardness outside 0 to 1.
    """

    seed: int = 0
    """Of every choice."""

    hardness: float = 0.5
    """0 to 1, scales all damage; at 0.5 most tracks can still be read."""

    most: int = 5
    """Frames of a track, at most."""

    def __post_init__(self) -> None:
        if not 0 <= self.hardness <= 1:
            raise DataError(f"the hardness of made tracks is {self.hardness}; expected 0 to 1")

    def of(self, crop: Image) -> tuple[Image, ...]:
        """One to ``most`` frames (h, w, 3) BGR uint8, half of the tracks with all of them.

        Args:
            crop: (H, W) grey or (H, W, 3) BGR, uint8.
        """
        rng = np.random.default_rng((self.seed, int(pixel_sha256(crop)[:_DIGITS], 16)))
        full = self.most == 1 or rng.random() < _FULL_SHARE
        count = self.most if full else int(rng.integers(1, self.most))
        return tuple(frame for frame, _ in frames_from(crop, rng, count, self.hardness))

    def to_dict(self) -> dict[str, Any]:
        """Plain values that tell the tracks apart from others of the same crops."""
        return asdict(self) | {"generator_version": GENERATOR_VERSION}
