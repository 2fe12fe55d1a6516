"""The closed choices, each in one place."""

from __future__ import annotations

from typing import Literal

Precision = Literal["fp32", "fp16", "int8"]
"""Arithmetic of a graph: what is not int8 in ``int8`` is fp16, except in the file meant for a CPU."""

BackendName = Literal["onnxruntime", "torch"]
"""Inference engine: ``onnxruntime`` needs nothing else, ``torch`` is the reference."""

Rewrite = Literal["grey-fold", "native-fusion", "late-attention", "decode"]
"""Exact graph rewrites of the export; see ``edgelpr.export.rewrites``."""

Classifier = Literal["shared", "separate", "separate-no-maps"]
"""Paper, table 4: one classifier for all positions; one a position; one a position without HPA maps."""

LabelFormat = Literal["csv", "names", "ccpd", "aolp"]
"""How labels are stored: a CSV, the file name itself, CCPD file names, AOLP folders."""
