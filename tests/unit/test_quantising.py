"""Making the fp16 and INT8 graphs: the same function but for the rounding, placed as the engines want it."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from sample_networks import noise_crops, small_network

from edgelpr.calibration.attention import attend_early
from edgelpr.calibration.building import FP16, INT8, INT8_CPU, build_graphs
from edgelpr.calibration.graphs import GraphIndex, in_order
from edgelpr.calibration.half import deciding_nodes, to_half
from edgelpr.calibration.observing import observe
from edgelpr.calibration.placing import place, quantisable_nodes
from edgelpr.calibration.quantising import quantise
from edgelpr.calibration.ranges import Range, ranges_of
from edgelpr.calibration.record import CalibrationRecord, RecordedImages
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.errors import CalibrationError
from edgelpr.export.options import REWRITES
from edgelpr.export.to_onnx import to_onnx
from edgelpr.export.wrapping import GraphModule

CROPS = noise_crops(6)
ALL = tuple(REWRITES)
PLAIN_DECODED = ("decode",)


def exported(rewrites=ALL, opset=17, classifier="shared"):
    return to_onnx(GraphModule(small_network(classifier=classifier), rewrites, True), opset)


@pytest.fixture(scope="module")
def graph():
    return exported()


@pytest.fixture(scope="module")
def graph20():
    return exported(opset=20)


@pytest.fixture(scope="module")
def observations(graph20):
    return observe(attend_early(graph20), CROPS, progress=lambda done, total: None, threads=1)


@pytest.fixture(scope="module")
def record(observations):
    ranges = {name: ranges_of(observations, "min-max", symmetric=scheme.symmetric) for name, scheme in SCHEMES.items()}
    images = RecordedImages(found=1, seed=0, sha256=("0" * 64,))
    return CalibrationRecord("0", "0" * 64, {}, images, dict.fromkeys(SCHEMES, "min-max"), ranges)


def run(model, crops=CROPS, optimised=True):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    feed = crops if model.graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8 else None
    if feed is None:
        planes = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
        feed = np.repeat(crops[:, None], planes, 1).astype(np.float32) / 255
    return dict(zip(names, session.run(names, {model.graph.input[0].name: feed})))


def nodes_of(model, kind):
    return [node for node in model.graph.node if node.op_type == kind]


@pytest.mark.parametrize("opset", [17, 20])
def test_the_classifier_is_convolved_again(opset):
    late, direct = exported(opset=opset), exported(tuple(name for name in ALL if name != "late-attention"), opset)
    early = attend_early(late)
    onnx.checker.check_model(early, full_check=True)
    assert not [c for c in early.graph.initializer if len(c.dims) == 3 and c.dims[0] == 25]  # the taps
    assert len(nodes_of(early, "Conv")) == len(nodes_of(direct, "Conv"))
    before, after = run(late), run(early)
    assert np.array_equal(before["classes"], after["classes"])
    assert np.abs(before["probabilities"] - after["probabilities"]).max() < 1e-5
    assert np.abs(before["maps"] - after["maps"]).max() < 1e-6


@pytest.mark.parametrize("rewrites", [(), PLAIN_DECODED, ("native-fusion",)])
def test_a_graph_without_late_attention_is_left_alone(rewrites):
    model = exported(rewrites)
    assert attend_early(model) is model


def test_separate_classifiers_are_left_alone():
    model = exported(classifier="separate")
    assert attend_early(model) is model


@pytest.mark.parametrize("rewrites", [(), PLAIN_DECODED, ALL])
@pytest.mark.parametrize("opset", [17, 20])
def test_half_precision_computes_nearly_the_same(rewrites, opset):
    model = exported(rewrites, opset)
    half = to_half(model)
    onnx.checker.check_model(half, full_check=True)
    before, after = run(model), run(half)
    assert [(o.name, o.type) for o in half.graph.output] == [(o.name, o.type) for o in model.graph.output]
    for name, values in before.items():
        assert after[name].dtype == values.dtype
        if name == "logits":
            assert np.abs(after[name] - values).max() < 0.02 * np.abs(values).max()
        elif name != "classes":
            assert np.abs(after[name] - values).max() < 0.02


def test_half_precision_leaves_no_weight_of_a_convolution_in_single(graph20):
    half = to_half(graph20)
    index = GraphIndex(half)
    for node in nodes_of(half, "Conv"):
        assert {index.constants[name].data_type for name in node.input[1:]} == {TensorProto.FLOAT16}


def test_what_decides_between_classes_stays_in_single(graph20):
    half, deciding = to_half(graph20), deciding_nodes(graph20)
    types = {value.name: value.type.tensor_type.elem_type for value in onnx.shape_inference.infer_shapes(half).graph.value_info}
    softmax = [node for node in nodes_of(half, "Softmax") if node.name in deciding]
    assert len(softmax) == 2
    assert {types[node.output[0]] for node in softmax} == {TensorProto.FLOAT}


def test_a_node_can_be_kept_in_single(graph20):
    name = nodes_of(graph20, "Conv")[3].name
    half = to_half(graph20, [name])
    onnx.checker.check_model(half, full_check=True)
    node = next(node for node in half.graph.node if node.name == name)
    assert GraphIndex(half).constants[node.input[1]].data_type == TensorProto.FLOAT
    assert np.abs(run(half)["maps"] - run(graph20)["maps"]).max() < 0.02


def test_a_weight_beyond_half_precision_is_refused(graph20):
    model = onnx.ModelProto()
    model.CopyFrom(graph20)
    weight = next(item for item in model.graph.initializer if item.name == nodes_of(model, "Conv")[2].input[1])
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(1e8), weight.name))
    with pytest.raises(CalibrationError, match=r"beyond the 65504 of fp16; keep the node"):
        to_half(model)


def test_every_graph_runs_at_every_batch_and_reads_alike(graph20, record):
    built = build_graphs(graph20, record)
    assert set(built) == {FP16, INT8, INT8_CPU}
    for name, model in built.items():
        onnx.checker.check_model(model, full_check=True)
        whole = run(model, optimised=name != INT8)
        for count in (1, 2, 6):
            part = run(model, CROPS[:count], optimised=name != INT8)
            assert np.array_equal(part["classes"], whole["classes"][:count]), name
            assert np.allclose(part["probabilities"], whole["probabilities"][:count], atol=1e-3), name
        exact = run(graph20)
        assert np.abs(whole["maps"] - exact["maps"]).mean() < 0.02, name


def test_a_record_gives_the_same_files_again(graph20, record):
    first, second = build_graphs(graph20, record), build_graphs(graph20, record)
    assert all(first[name].SerializeToString() == second[name].SerializeToString() for name in first)


def test_int8_for_tensorrt_is_symmetric_and_keeps_biases_in_float(graph20, record):
    model = build_graphs(graph20, record)[INT8]
    index = GraphIndex(model)
    zeros = [index.constant(node.input[2]) for kind in ("QuantizeLinear", "DequantizeLinear") for node in nodes_of(model, kind)]
    assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)
    assert not any(constant.data_type == TensorProto.INT32 for constant in model.graph.initializer)
    for node in nodes_of(model, "Conv"):
        weight = index.makers.get(node.input[1])
        if weight is not None:  # rounded: by a pair, a scale a channel
            assert weight.op_type == "DequantizeLinear"
            assert index.makers[weight.input[0]].op_type == "QuantizeLinear"
            assert index.constant(weight.input[1]).ndim == 1
            assert index.constant(weight.input[1]).dtype == np.float16


def test_int8_for_tensorrt_rounds_one_side_of_a_downsampling_skip(graph20, record):
    model = build_graphs(graph20, record)[INT8]
    index = GraphIndex(model)
    sides = [[index.makers[name].op_type for name in node.input if name in index.makers] for node in nodes_of(model, "Add")]
    assert ["Conv", "Conv"] not in sides
    assert sum(sorted(side) == ["Conv", "DequantizeLinear"] for side in sides) >= 4  # a skip for each of the four stages


def test_the_picture_and_the_gates_stay_in_float_for_tensorrt(graph20):
    rounded = set(quantisable_nodes(attend_early(graph20), SCHEMES["int8"]))
    index = GraphIndex(attend_early(graph20))
    for node in nodes_of(attend_early(graph20), "Conv"):
        planes = index.constants[node.input[1]].dims[1]
        pooled = "gate" in node.input[1] or "refine" in node.input[1]
        assert (node.name in rounded) == (planes > 1 and not pooled), node.name


def test_int8_for_a_cpu_is_unsigned_with_weights_of_seven_bits(graph20, record):
    model = build_graphs(graph20, record)[INT8_CPU]
    index = GraphIndex(model)
    assert all(index.constant(node.input[2]).dtype == np.uint8 for node in nodes_of(model, "QuantizeLinear"))
    weights = [numpy_helper.to_array(item) for item in model.graph.initializer if item.name.endswith(".weight.int8")]
    assert len(weights) == len(quantisable_nodes(attend_early(graph20), SCHEMES["int8-cpu"])) > 20
    assert {int(np.abs(weight.astype(int)).max()) for weight in weights} == {63}


def test_onnxruntime_computes_the_convolutions_in_int8(graph20, record, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    model = build_graphs(graph20, record)[INT8_CPU]
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    optimised = onnx.load(options.optimized_model_filepath)
    assert len(nodes_of(optimised, "QLinearConv")) == len(nodes_of(model, "Conv"))
    assert not [node for node in optimised.graph.node if node.op_type in ("Conv", "FusedConv")]


@pytest.mark.parametrize("file", ["int8", "int8-cpu"])
def test_a_node_that_is_kept_is_not_rounded(graph20, record, file):
    early = attend_early(graph20)
    name = quantisable_nodes(early, SCHEMES[file])[2]
    model = quantise(early, record.ranges[file], SCHEMES[file], [name])
    onnx.checker.check_model(model, full_check=True)
    node = next(node for node in model.graph.node if node.name == name)
    assert node.input[1] in GraphIndex(model).constants
    assert name not in quantisable_nodes(early, SCHEMES[file]) or name not in place(early, SCHEMES[file], [name]).nodes
    assert np.isfinite(run(model)["probabilities"]).all()


def test_keeping_everything_gives_back_the_fp32_graph(graph20, record):
    early = attend_early(graph20)
    everything = [node.name for node in early.graph.node]
    model = quantise(early, record.ranges["int8-cpu"], SCHEMES["int8-cpu"], everything)
    assert [node.op_type for node in model.graph.node] == [node.op_type for node in early.graph.node]


def test_a_range_that_is_missing_is_named(graph20, record):
    ranges = dict(record.ranges["int8-cpu"])
    del ranges["relu_1"]
    with pytest.raises(CalibrationError, match=r"no range for the tensor 'relu_1'.*another graph; run edgelpr calibrate again"):
        quantise(attend_early(graph20), ranges, SCHEMES["int8-cpu"])


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero"),
    [(0.0, 2.55, 0.01, 0), (-1.0, 1.55, 0.01, 100), (-2.55, 0.0, 0.01, 255), (0.0, 0.0, 1.0, 0)],
)
def test_a_cpu_holds_zero_exactly(low, high, scale, zero):
    found, point = SCHEMES["int8-cpu"].activation(Range(low, high))
    assert found == pytest.approx(scale)
    assert point == zero
    assert point.dtype == np.uint8


def test_weights_are_rounded_a_channel_at_a_time():
    weight = np.array([[1.0, -0.5], [1e-6, 4e-7], [0.0, 0.0]], np.float32)
    rounded, scales = SCHEMES["int8"].weight(weight)
    assert rounded.tolist() == [[127, -64], [127, 51], [0, 0]]
    assert np.allclose(rounded * scales[:, None], weight, atol=1e-2)


def test_a_circle_is_an_error():
    node = onnx.helper.make_node
    model = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    with pytest.raises(ValueError, match="circle"):
        in_order(model, [node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["a"])])
