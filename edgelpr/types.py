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

LabelFormat = Literal["csv", "names", "ccpd", "clpd", "aolp", "medialab"]
"""How labels are stored: a CSV, the file name itself, or as CCPD, CLPD, AOLP and Media Lab are laid out."""

PaperExperiment = Literal["aolp", "medialab", "ccpd", "clpd"]
"""The HPA paper's experiments on real plates; see ``edgelpr.data.folds``."""

Reproduction = Literal["aolp", "medialab", "ccpd", "clpd", "table4", "table5", "table6"]
"""What ``edgelpr reproduce`` repeats: tables 1 to 3 by their data, and the ablations; see ``weights/recipes/paper``."""

PartRole = Literal["train", "held out"]
"""What a part of labelled plates is for, where its name says so."""

FindingLevel = Literal["error", "warning"]
"""Of a check of labelled plates: an error makes a figure or a training wrong, a warning is to be looked at."""

FindingKind = Literal[
    "unreadable",
    "label",
    "contradiction",
    "same-picture",
    "similar-picture",
    "shared-plate",
    "small",
    "odd-shape",
    "absent-character",
]
"""What a check of labelled plates can find; see ``edgelpr.data.checking``."""
