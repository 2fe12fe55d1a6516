"""What a graph is given while it is calibrated: pictures, and for tracks which of them are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgelpr.preprocessing.crop import scale

Inputs: TypeAlias = tuple[NDArray[np.uint8], ...]
"""Arrays of N rows in the order of ``Graph.inputs``: crops (N, H, W), or frames (N, F, H, W) and present (N, F); all uint8."""


def rows_of(inputs: Inputs, rows: slice | NDArray[np.intp] | list[int]) -> Inputs:
    """Some of the rows."""
    return tuple(each[rows] for each in inputs)


def feeds_of(names: Mapping[str, bool], inputs: Inputs, channels: int) -> dict[str, NDArray[Any]]:
    """What ONNX Runtime takes.

    Args:
        names: of the inputs, in order, each with whether it takes bytes.
        inputs: as many.
        channels: planes of an input that takes floats.
    """
    found = zip(names.items(), inputs, strict=True)
    return {name: given if takes_bytes else scale(given, channels) for (name, takes_bytes), given in found}
