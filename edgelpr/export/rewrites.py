"""The exact rewrites: the same function for fewer operations; each is switchable and checked on its own.

- ``grey-fold``: the three input planes are equal, so the first convolutions take one.
- ``native-fusion``: the first fusion convolutions run at the resolution of their inputs.
- ``late-attention``: the shared classifier convolves the semantic features once, not once a position.
- ``decode``: scaling, softmax and arg max are part of the graph; see ``edgelpr.export.decoding``.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from edgelpr.export.grey_fold import fold_grey
from edgelpr.export.late_attention import attend_late
from edgelpr.export.native_fusion import NativeFusion, feature_sizes
from edgelpr.models.hpa import Hpa
from edgelpr.types import Rewrite


def apply_rewrites(network: Hpa, rewrites: Sequence[Rewrite]) -> nn.Module:
    """Rewrite what lies between input planes and class scores.

    Args:
        network: a copy that may be changed, batch normalisation folded.
        rewrites: which ones; ``decode`` lies outside and is ignored here.

    Returns:
        A module that takes (N, C, H, W), C = 1 after the grey fold, else 3, and returns what HPA returns.
    """
    if "grey-fold" in rewrites:
        fold_grey(network)
    if "late-attention" in rewrites:
        attend_late(network, feature_sizes(network)[0])
    return NativeFusion(network) if "native-fusion" in rewrites else network
