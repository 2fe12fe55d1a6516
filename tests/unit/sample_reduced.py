"""A calibrated bundle of a small convolutional network, in which some layer can be made hard to reduce on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.manifest import Manifest
from edgelpr.bundle.writing import write_bundle
from edgelpr.calibration.building import build_graphs
from edgelpr.calibration.observing import observe
from edgelpr.calibration.opening import open_float_graph
from edgelpr.calibration.ranges import ranges_of
from edgelpr.calibration.record import CalibrationRecord, RecordedImages
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.calibration.storing import describe_graphs, store
from edgelpr.data.labelled import LabelledCrop
from edgelpr.runtime.recognizer import Recognizer

LAYERS = ("first", "second", "third", "head")
CHANNELS, CROPS, PLATES = 8, 160, 40

Weights = dict[str, np.ndarray]
Spoil = Callable[[Weights], None]
"""Changes weights and biases in place."""


def spoil_weights(weights: Weights) -> None:
    """The third layer's weights for a channel that is always zero dwarf its others, so that rounding erases these."""
    weights["second.weight"][0], weights["second.bias"][0] = 0, -1
    weights["third.weight"][:, 0] = 1000


def spoil_tensor(weights: Weights) -> None:
    """One channel between second and third is a thousand times as large as the others, which rounding then erases."""
    weights["second.weight"][0] *= 1000
    weights["third.weight"][:, 0] /= 1000


def spoil_halves(weights: Weights) -> None:
    """The third layer's weights are so small that fp16 has hardly a digit of them; INT8 has scales."""
    for name, factor in (("second.weight", 1e3), ("second.bias", 1e3), ("third.weight", 1e-6), ("third.bias", 1e-3)):
        weights[name] *= factor


def network(spoil: Spoil | None = None) -> bytes:
    """Crops (N, 50, 160) uint8 to four digits; weights are called as an export calls them."""
    random = np.random.default_rng(4)
    shapes = {"first": (CHANNELS, 1, 5, 5), "second": (CHANNELS, CHANNELS, 3, 3), "third": (CHANNELS, CHANNELS, 3, 3)}
    shapes["head"] = (11, CHANNELS, 1, 1)
    weights: Weights = {}
    for name, shape in shapes.items():
        weights[f"{name}.weight"] = (2 * random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        weights[f"{name}.bias"] = np.full(shape[0], 0.1, np.float32)
    if spoil is not None:
        spoil(weights)
    # Logits around zero and far apart, so that every class wins somewhere and seldom narrowly.
    logits = run(_model(weights), "logits")
    scale = 12 / logits.std()
    weights["head.bias"] = (scale * (weights["head.bias"] - logits.mean((0, 1)))).astype(np.float32)
    weights["head.weight"] *= scale
    return _model(weights).SerializeToString()


def run(model: onnx.ModelProto, tensor: str) -> np.ndarray:
    """A tensor of the graph for ``crops()``."""
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    exposed.graph.output.append(onnx.ValueInfoProto(name=tensor))
    session = onnxruntime.InferenceSession(exposed.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([tensor], {"crops": crops()})[0]


def _model(weights: Weights) -> onnx.ModelProto:
    constants = [numpy_helper.from_array(value, f"network.network.{name}") for name, value in weights.items()]
    constants += [
        numpy_helper.from_array(np.float32(255), "white"),
        numpy_helper.from_array(np.array([1], np.int64), "plane"),
        numpy_helper.from_array(np.array([0, 11, 4], np.int64), "positions"),
    ]
    nodes = [
        helper.make_node("Cast", ["crops"], ["pixels"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Div", ["pixels", "white"], ["levels"], "div"),
        helper.make_node("Unsqueeze", ["levels", "plane"], ["planes"], "unsqueeze"),
        *_layer("planes", "first", strides=[10, 10], kernel_shape=[5, 5]),
        *_layer("first.relu", "second", pads=[1] * 4, kernel_shape=[3, 3]),
        *_layer("second.relu", "third", pads=[1] * 4, kernel_shape=[3, 3]),
        _conv("third.relu", "head", kernel_shape=[1, 1]),
        helper.make_node("AveragePool", ["head"], ["pooled"], "pool", kernel_shape=[5, 4], strides=[5, 4]),
        helper.make_node("Reshape", ["pooled", "positions"], ["rows"], "reshape"),
        helper.make_node("Transpose", ["rows"], ["logits"], "transpose", perm=[0, 2, 1]),
        helper.make_node("ArgMax", ["logits"], ["best"], "best", axis=2, keepdims=0),
        helper.make_node("Cast", ["best"], ["classes"], "classes", to=TensorProto.INT32),
        helper.make_node("Softmax", ["logits"], ["distribution"], "softmax", axis=2),
        helper.make_node("ReduceMax", ["distribution"], ["probabilities"], "largest", axes=[2], keepdims=0),
    ]
    outputs = [("classes", TensorProto.INT32, ["N", 4]), ("probabilities", TensorProto.FLOAT, ["N", 4])]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["N", 50, 160])],
        [helper.make_tensor_value_info(*output) for output in outputs],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _layer(source: str, name: str, **attributes: list[int]) -> list[onnx.NodeProto]:
    return [_conv(source, name, **attributes), helper.make_node("Relu", [name], [f"{name}.relu"], f"{name}.relu")]


def _conv(source: str, name: str, **attributes: list[int]) -> onnx.NodeProto:
    inputs = [source, f"network.network.{name}.weight", f"network.network.{name}.bias"]
    return helper.make_node("Conv", inputs, [name], f"conv.{name}", **attributes)


def crops() -> np.ndarray:
    """(CROPS, 50, 160) uint8: coarse noise, other noise in every crop."""
    random = np.random.default_rng(1)
    return random.integers(0, 256, (CROPS, 10, 32)).astype(np.uint8).repeat(5, axis=1).repeat(5, axis=2)


def calibrated(path: Path, manifest: Manifest, spoil: Spoil | None = None) -> Bundle:
    """A bundle with every reduced graph, as ``edgelpr calibrate`` would store it."""
    source = open_float_graph(write_bundle(path, manifest, {"fp32.onnx": network(spoil)}))
    seen = observe(source.early, crops(), progress=lambda done, total: None, threads=1)
    ranges = {file: ranges_of(seen, "min-max", symmetric=scheme.symmetric) for file, scheme in SCHEMES.items()}
    images = RecordedImages(found=1, seed=0, sha256=("0" * 64,))
    preprocessing = manifest.preprocessing.to_dict()
    record = CalibrationRecord("0", source.sha256, preprocessing, images, dict.fromkeys(SCHEMES, "min-max"), ranges)
    return store(source, build_graphs(source.model, record), describe_graphs(source), record)


def labelled_as_read(bundle: Bundle, folder: Path) -> list[LabelledCrop]:
    """The crops that fp32 is surest of as files, labelled with what it reads: mere rounding seldom changes those."""
    with Recognizer.open(bundle, threads=1) as recognizer:
        readings = recognizer.read(list(crops()))
    surest = sorted(range(CROPS), key=lambda number: -readings[number].confidence)[:PLATES]
    for number in surest:
        cv2.imwrite(str(folder / f"{number}.png"), crops()[number])
    return [LabelledCrop(folder / f"{number}.png", readings[number].plate) for number in surest]
