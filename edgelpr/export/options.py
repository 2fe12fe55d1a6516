"""What a user can choose about an export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from edgelpr.errors import UsageError
from edgelpr.types import Rewrite

REWRITES: tuple[Rewrite, ...] = get_args(Rewrite)
"""All exact rewrites, in the order in which they are applied."""

OPSETS = (13, 17, 18, 19, 20)
"""13 is for TensorRT 8.2 (JetPack 4), 17 for 8.5 and 8.6; TensorRT 10.3, the one of JetPack 6, parses no more than 20."""

MAX_BATCH = 256
"""Largest batch that an exported graph promises to take."""


@dataclass(frozen=True)
class ExportOptions:
    """Choices of one export.

    Raises:
        UsageError: an opset other than 13 and 17 to 20, or an unknown or repeated rewrite.
    """

    opset: int = 20
    """Version of the ONNX operators."""

    rewrites: tuple[Rewrite, ...] = REWRITES
    """Which exact rewrites to apply; none gives the network as published."""

    maps: bool = True
    """Whether the HPA maps are an output, for the box of each character."""

    simplify: bool = True
    """Whether onnxsim may simplify the graph."""

    include_weights: bool = False
    """Whether the bundle also holds the weights for the torch backend."""

    overwrite: bool = False
    """Whether an existing bundle is replaced."""

    def __post_init__(self) -> None:
        if self.opset not in OPSETS:
            raise UsageError(
                f"opset {self.opset} is not supported; choose 20, 17 for TensorRT 8.5 and 8.6, or 13 for 8.2 "
                f"(possible: {', '.join(map(str, OPSETS))}; the TensorRT 10.3 of JetPack 6 reads none above 20)"
            )
        unknown = [name for name in self.rewrites if name not in REWRITES]
        if unknown or len(set(self.rewrites)) != len(self.rewrites):
            raise UsageError(f"rewrites are {', '.join(self.rewrites)}; choose among {', '.join(REWRITES)}, each once")
