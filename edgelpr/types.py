"""The closed choices, each in one place."""

from __future__ import annotations

from typing import Literal

Precision = Literal["fp32", "fp16", "int8"]
"""Arithmetic of a graph: what is not int8 in ``int8`` is fp16, except in the file meant for a CPU."""

RulingReason = Literal["approved", "refused", "few", "selected", "elsewhere", "unverified"]
"""Why a precision may or may not be used; see ``edgelpr.bundle.ruling``."""

BackendName = Literal["onnxruntime", "torch", "tensorrt", "tensorrt-rtx"]
"""Inference engine: ``onnxruntime`` needs nothing else, ``torch`` is the reference (in fp16: CUDA graphs on a GPU), the others
run engines built for a GPU."""

BackendChoice = Literal["auto", "onnxruntime", "torch", "tensorrt", "tensorrt-rtx"]
"""What a user may ask for: an inference engine, or the fastest that is usable here, which is then named."""

EngineBackend = Literal["tensorrt", "tensorrt-rtx"]
"""Backends that run an engine built beforehand: TensorRT, and TensorRT-RTX for desktop GPUs."""

CudaBindings = Literal["cuda-bindings", "pycuda"]
"""Python packages that reach the CUDA driver; ``pycuda`` knows no CUDA graphs."""

HardwareCompatibility = Literal["none", "ampere-plus", "same-compute-capability"]
"""On which other GPUs an engine may run: none, every one of Ampere and later, or those of its compute capability."""

CheckStatus = Literal["ok", "warning", "error", "skipped"]
"""Of a check of `edgelpr doctor`: an error stops edgelpr, a warning costs speed or comfort, skipped does not apply here."""

TrackOrigin = Literal["filmed", "made"]
"""Where the frames of a track come from: a camera that saw one plate several times, or a single crop moved and damaged."""

GraphTarget = Literal["any", "cpu", "tensorrt"]
"""Which engine a graph was made for: any, ONNX Runtime on a CPU (U8S8), or TensorRT (symmetric int8)."""

Int8File = Literal["int8", "int8-cpu"]
"""The two int8 files of a bundle: for TensorRT, and for ONNX Runtime on a CPU."""

ReducedFile = Literal["fp16", "int8", "int8-cpu"]
"""The files of a bundle that compute in less than fp32; each may keep some layers in higher precision."""

RangeMethod = Literal["min-max", "percentile", "entropy"]
"""How the range of a tensor is taken from its values on calibration crops."""

Rewrite = Literal["grey-fold", "native-fusion", "late-attention", "decode"]
"""Exact graph rewrites of the export; see ``edgelpr.export.rewrites``."""

Classifier = Literal["shared", "separate", "separate-no-maps"]
"""Paper, table 4: one classifier for all positions; one a position; one a position without HPA maps."""

QualityUse = Literal["none", "branch", "branch+attention"]
"""What IQ-STAN does with a frame's quality: nothing (the paper's baseline), only scores it, or lets it weigh the features."""

Optimiser = Literal["adamw", "rmsprop"]
"""``rmsprop`` is the paper's, ``adamw`` ours."""

RateSchedule = Literal["cosine", "constant"]
"""Learning rate after the warm-up: half a cosine down to a hundredth, or as it is."""

Stages = Literal["S+P+C", "S+P>C", "S>P>C", "P>S>C"]
"""Paper, table 5: ``+`` trains together, ``>`` one after the other; S semantic, P position, C classifier."""

LabelFormat = Literal["csv", "names", "ccpd", "clpd", "aolp", "medialab"]
"""How labels are stored: a CSV, the file name itself, or as CCPD, CLPD, AOLP and Media Lab are laid out."""

PaperExperiment = Literal["aolp", "medialab", "ccpd", "clpd"]
"""The HPA paper's experiments on real plates; see ``edgelpr.data.folds``."""

Reproduction = Literal["aolp", "medialab", "ccpd", "clpd", "table4", "table5", "table6"]
"""What ``edgelpr reproduce`` repeats: tables 1 to 3 by their data, and the ablations; see ``weights/recipes/paper``."""

PaperBoxes = Literal["ground-truth", "detected", "not-stated"]
"""Where the HPA paper's crops came from: the data set's own boxes, those of a detector, or it does not say."""

StageBudget = Literal["each", "all"]
"""Of the ablations: whether every stage has all the steps of joint training, or the stages share them."""

ClaimVerdict = Literal["held", "not told apart", "contradicted"]
"""On a claim of the paper: the interval over seeds lies on its side of 0, holds 0, or lies on the other side."""

LetterFamily = Literal["narrow", "notched", "square", "forgery", "taiwan", "american", "any"]
"""Kinds of plate lettering that are rendered; ``any`` is all of them and the fonts."""

MarkShape = Literal["dot", "bar", "line", "text"]
"""Printed on a rendered plate: a filled ellipse, a filled rectangle, the outline of a rectangle, or small letters."""

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

LeftOutKind = Literal["unreadable", "small", "blank", "duplicate"]
"""Why an image does not calibrate; see ``edgelpr.calibration.loading``."""

NarrownessKind = Literal["few", "alike", "brightness", "contrast", "sharpness", "camera", "plate-type", "frames"]
"""What calibration images can have too little of, or be wrong in; see ``edgelpr.calibration.narrowness``."""

PlateColour = Literal["blue", "green", "yellow", "red"]
"""Of a plate's ground, told by hue; white, grey and black plates have none."""

BisectionOutcome = Literal["passes", "found", "not enough"]
"""Of the search for layers to keep in higher precision: none need be; a set was found; not even all of them are enough."""

PeerLayout = Literal["nchw", "nhwc", "nhw"]
"""How a stranger's graph takes pictures: order of batch, channels, rows (height) and columns (width)."""

Scenario = Literal["single-stream", "offline", "paper", "paper-synchronised", "cold-start"]
"""How `edgelpr bench` lets plates come: one after the other, all at once, as in the HPA authors' loop, which never waits for
the device, the same loop with waiting, and the first reading of a fresh process."""

Scope = Literal["network only", "end to end"]
"""What a time covers: the network's call on a prepared input, or all from a decoded crop in memory to text."""

Transfers = Literal["included", "excluded", "none"]
"""Whether a time of ``network only`` holds the copies to and from the device; ``none``: a processor needs none."""

BenchDuration = Literal["quick", "default", "official", "custom"]
"""How long a scenario is measured; ``quick`` only shows that it works, ``custom`` is a number of seconds."""
