"""Torch modules that present the contract of a bundle's graph."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgelpr.export.decoding import Decoder
from edgelpr.export.folding import fold_batch_normalisation
from edgelpr.export.rewrites import apply_rewrites
from edgelpr.models.door import GreyDoor
from edgelpr.models.hpa import Hpa
from edgelpr.preprocessing.crop import scale
from edgelpr.types import Rewrite


class GraphModule(nn.Module):
    """One network as its graph appears from outside: named input, named outputs.

    Args:
        network: left as it is; a copy is folded and rewritten.
        rewrites: which exact rewrites to apply.
        maps: whether HPA maps are an output; a network without them has none.
    """

    def __init__(self, network: Hpa, rewrites: Sequence[Rewrite], maps: bool) -> None:
        super().__init__()
        copy = deepcopy(network).eval()
        for parameter in copy.parameters():
            parameter.requires_grad_(False)
        fold_batch_normalisation(copy)
        dtype = next(copy.parameters()).dtype
        self.plate_format, self.dtype = network.plate_format, dtype
        self.planes = 1 if "grey-fold" in rewrites else 3
        self.network = apply_rewrites(copy, rewrites)
        self.door = GreyDoor(self.planes, dtype) if "decode" in rewrites else None
        self.decoder = Decoder(network.plate_format, dtype) if "decode" in rewrites else None
        self.maps = maps and network.position is not None

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, H, W) uint8 with ``decode``, else (N, C, H, W) scaled 0 to 1; outputs as in ``outputs``."""
        output = self.network(x if self.door is None else self.door(x))
        results = (output.logits,) if self.decoder is None else self.decoder(output.logits)
        return (*results, output.position[:, :-1]) if self.maps else results

    @property
    def input_name(self) -> str:
        """``crops`` for bytes, ``input`` for scaled planes."""
        return "input" if self.door is None else "crops"

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the input; None stands for the batch."""
        size = self.plate_format.height_width
        return (None, self.planes, *size) if self.door is None else (None, *size)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs in order."""
        results = ("logits",) if self.decoder is None else ("classes", "probabilities")
        return (*results, "maps") if self.maps else results

    def feed(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Crops (N, H, W) as this graph takes them."""
        return scale(crops, self.planes) if self.door is None else crops

    def run(self, crops: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
        """Outputs by name for crops (N, H, W), computed by PyTorch at the precision of the weights."""
        x = torch.from_numpy(crops)
        with torch.no_grad():
            results = self(GreyDoor(self.planes, self.dtype)(x) if self.door is None else x)
        return {name: result.double().numpy() for name, result in zip(self.outputs, results)}
