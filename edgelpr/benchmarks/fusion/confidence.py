"""The confidence that a reading of a track comes with, as the runtime gives it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.fusion.networks import Named
from edgelpr.models.iq_stan import IqStan

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]


def confidence_of(named: Named, probabilities: Floats, likeness: Floats | None) -> Doubles:
    """What the bundle's coefficients make of a reading; without any the product of the characters' probabilities.

    Args:
        named: the network, which carries its coefficients.
        probabilities: (N, P, S) of every class.
        likeness: (N, 5, 5) of the frames; without it there is nothing to put the coefficients to.

    Returns:
        (N,) 0 to 1.
    """
    product: Doubles = probabilities.max(-1).astype(np.float64).prod(-1)
    fitted = named.network.confidence if isinstance(named.network, IqStan) else None
    if fitted is None or likeness is None:
        return product
    pairs = zip(product.tolist(), least_likeness(likeness).tolist())
    return np.array([fitted.of(*pair) for pair in pairs])


def least_likeness(likeness: Floats) -> Doubles:
    """(N,) least likeness of two frames."""
    return np.asarray(likeness.min((1, 2)).astype(np.float64))
