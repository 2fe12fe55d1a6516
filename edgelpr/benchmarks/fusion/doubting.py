"""Figures of a reading that may tell that something is wrong with its track."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

_TINY = 1e-6

TITLES = {
    "confidence": "the confidence of the reading",
    "same-plate": "least likeness of two frames",
    "product": "product of the characters' probabilities",
    "least": "least probability of a character",
    "two-least": "mean of the two least",
    "mean": "mean probability of the characters",
    "quality": "mean quality of the frames",
    "agreement": "each frame alone: probability of all that differs, of the worst frame",
    "contradiction": "each frame alone: probability of the surest character that differs",
    "likelihood": "each frame alone: log probability of the plate less that of its own reading, of the worst frame",
}
"""The mean of the logarithms is left out: with a fixed number of positions it orders as the product does.

The first two are what a reading returns. The last three read each frame alone in another run; ``likelihood`` needs the
probability of a given plate there, which no graph returns.
"""


def doubt_figures(together: Floats, alone: Floats, quality: Floats | None) -> Mapping[str, Doubles]:
    """Every candidate but those that a reading returns, higher where the track looks sound.

    Args:
        together: (N, P, S) probabilities of the five frames read together.
        alone: (N, F, P, S) of each frame read alone.
        quality: (N, F) scores; None without the branch.

    Returns:
        (N,) each.
    """
    winning = together.max(-1).astype(np.float64)
    ordered = np.sort(winning, axis=1)
    found = {
        "product": winning.prod(1),
        "least": ordered[:, 0],
        "two-least": ordered[:, :2].mean(1),
        "mean": winning.mean(1),
        **_each_alone(together.argmax(-1), alone),
    }
    return found if quality is None else found | {"quality": quality.mean(1).astype(np.float64)}


def _each_alone(plate: NDArray[np.int64], alone: Floats) -> dict[str, Doubles]:
    """What frames alone say against a plate (N, P)."""
    own = alone.max(-1).astype(np.float64)  # (N, F, P)
    given = np.take_along_axis(alone, plate[:, None, :, None], axis=-1)[..., 0].astype(np.float64)
    contrary = np.where(alone.argmax(-1) == plate[:, None], 0.0, own)
    return {
        "agreement": -contrary.sum(-1).max(1),
        "contradiction": -contrary.max((1, 2)),
        "likelihood": (np.log(given + _TINY) - np.log(own + _TINY)).sum(-1).min(1),
    }
