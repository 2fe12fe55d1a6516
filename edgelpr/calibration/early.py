"""The form of a graph that INT8 is made from: the same function, laid out as INT8 computes it best."""

from __future__ import annotations

import onnx

from edgelpr.calibration.attention import attend_early
from edgelpr.calibration.rectifying import rectify_early


def early_form(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the rewrite ``late-attention``, and rectified before it is pooled.

    Args:
        model: an exported graph; left as it is.

    Returns:
        A changed copy, or the model itself where there is nothing to change.
    """
    return rectify_early(attend_early(model))
