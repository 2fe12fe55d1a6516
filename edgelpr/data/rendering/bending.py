"""What bends a picture beyond perspective: lens, dented plate, rolling shutter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(K, 2) points x, y."""

_ROUNDS = 12


@dataclass(frozen=True)
class Bend:
    """A smooth displacement: what is seen at a place was at ``straight(place)`` before.

    Amounts are shares of the crop's height and stay small, so that the mapping can be undone.
    """

    size: tuple[int, int]
    """Width and height of the crop in pixels."""

    bow: float = 0.0
    """How far the middle is lifted: a bent plate, or a lens's barrel at the edge of the picture."""

    squeeze: float = 0.0
    """How much wider the middle is than the ends."""

    swing: float = 0.0
    """How far rows swing to the side while a rolling shutter runs down a shaking picture."""

    phase: float = 0.0
    """Of the swing at the top row, in radians."""

    turns: float = 0.5
    """Swings from top to bottom."""

    def straight(self, points: Points) -> Points:
        """(..., 2) pixels of the crop to pixels of the picture before it was bent."""
        width, height = self.size
        across, down = 2 * points[..., 0] / width - 1, points[..., 1] / height
        x = points[..., 0] + height * (
            self.swing * np.sin(self.phase + 2 * np.pi * self.turns * down) + self.squeeze * across * (1 - across**2)
        )
        y = points[..., 1] + height * self.bow * (1 - across**2)
        return np.stack([x, y], axis=-1).astype(np.float64, copy=False)

    def bent(self, points: Points) -> Points:
        """The inverse of ``straight``, to a thousandth of a pixel."""
        found: Points = points.copy()
        for _ in range(_ROUNDS):
            found += points - self.straight(found)
        return found


def choose_bend(size: tuple[int, int], rng: Generator) -> Bend | None:
    """A random bend; None for most pictures."""
    if rng.random() > 0.25:
        return None
    kind = rng.random()
    if kind < 0.35:
        swing = float(np.clip(rng.normal(0, 0.05), -0.12, 0.12))
        return Bend(size, swing=swing, phase=float(rng.uniform(0, 6.28)), turns=float(rng.uniform(0.2, 0.9)))
    bow, squeeze = np.clip(rng.normal(0, (0.05, 0.06)), -0.14, 0.14)
    return Bend(size, bow=float(bow), squeeze=float(squeeze))
