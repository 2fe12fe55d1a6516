"""How the two INT8 files are rounded; engines accept different ones, and are fast with different ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgelpr.calibration.ranges import Range
from edgelpr.types import Int8File


@dataclass(frozen=True)
class Scheme:
    """Rounding and placement of one INT8 file."""

    symmetric: bool
    """Activations int8 with zero point 0, as TensorRT demands; else uint8 with a zero point, as a CPU likes them."""

    weight_levels: int
    """Largest absolute value of a rounded weight: 127, or 63 in 7 bits."""

    operators: frozenset[str]
    """Whose inputs and outputs are rounded."""

    round_results: bool
    """Whether what a convolution returns is rounded before the next operator, which a CPU's kernels need."""

    small_layers: bool
    """Whether layers too small to gain anything are rounded too: those that take the picture, and those of the gates. On a
    CPU the change between float and INT8 layouts costs more than such a layer."""

    round_bias: bool
    """Whether biases are int32; TensorRT takes them in float only."""

    def activation(self, found: Range) -> tuple[np.float32, np.generic]:
        """Scale and zero point of a tensor: int8 or uint8 = value / scale + zero point."""
        if self.symmetric:
            return np.float32(max(-found.low, found.high) / 127 or 1.0), np.int8(0)
        scale = np.float32((found.high - found.low) / 255 or 1.0)
        return scale, np.uint8(np.clip(np.rint(-found.low / scale), 0, 255))

    def weight(self, values: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """(O, ...) to rounded weights of the same shape and a scale for each of the O channels."""
        largest = np.abs(values.reshape(len(values), -1)).max(1)
        scales = np.where(largest > 0, largest / self.weight_levels, 1.0).astype(np.float32)
        rounded = np.rint(values / scales.reshape(-1, *(1,) * (values.ndim - 1)))
        return rounded.clip(-self.weight_levels, self.weight_levels).astype(np.int8), scales


SCHEMES: dict[Int8File, Scheme] = {
    "int8": Scheme(True, 127, frozenset({"Conv", "Gemm"}), round_results=False, small_layers=False, round_bias=False),
    # 7 bits: without VNNI, x86 adds pairs of products in 16 bits, where 8-bit weights overflow. With 7 the readings are
    # the same on every processor, and no plate of ours was lost by it.
    "int8-cpu": Scheme(
        False,
        63,
        frozenset({"Conv", "Gemm", "MatMul", "Add", "Mul", "MaxPool"}),
        round_results=True,
        small_layers=True,
        round_bias=True,
    ),
}
"""Of each INT8 file."""
