"""What was built is compared with what was asked for: on inspector texts of the documented form, and on TensorRT-RTX's own log.

The inspector needs a GPU. Its texts here are written by hand in the form that TensorRT's documentation shows; that a board
writes just this is unverified.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_shipped_bundles import other_versions

from edgelpr.cli.main import run
from edgelpr.engines.auditing.asked import asked_nodes
from edgelpr.engines.auditing.audit import LEAST_SHARE, EngineAudit, audit_layers, check_audit
from edgelpr.engines.auditing.auditing import audit_engine, audit_log
from edgelpr.engines.auditing.inspecting import layers_of
from edgelpr.engines.auditing.layers import precision_of
from edgelpr.engines.building import build_plan
from edgelpr.engines.options import BuildOptions, lowest
from edgelpr.engines.request import BuildRequest
from edgelpr.errors import BuildError, BundleError

onnx = pytest.importorskip("onnx", reason="writes small graphs")
ROOT = Path(__file__).resolve().parents[2]
OLD = {
    "int8": "Thirty-two wide channel vectorized row major Int8 format",
    "fp16": "Channel major FP16 format where channel % 8 == 0",
    "fp32": "Row major linear FP32",
}
NEW = {"int8": "Int8 NC/32HW32", "fp16": "Half", "fp32": "Float"}


@pytest.fixture(scope="module")
def nano(tmp_path_factory) -> Path:
    """``hpa-nano-cn`` exported, with the fp16 and INT8 graphs of its committed record."""
    pytest.importorskip("torch", reason="exporting the shipped weights needs the extra 'export'")
    if others := other_versions():
        pytest.skip(f"the committed record is of graphs that other versions export ({'; '.join(others)})")
    bundle = tmp_path_factory.mktemp("audit") / "nano.elpr"
    assert run(["export", "hpa-nano-cn", "-o", str(bundle)]) == 0
    assert run(["calibrate", str(bundle), "--reuse", str(ROOT / "calibration" / "hpa-nano-cn.json")]) == 0
    return bundle


def graph_of(convolutions: int = 4, rounded: int = 4) -> bytes:
    """Convolutions in a row, the first of them with a rounded input."""
    nodes, last = [], "crops"
    for number in range(convolutions):
        source = last
        if number < rounded:
            source = f"{last}.d"
            nodes.append(onnx.helper.make_node("DequantizeLinear", [last, "s"], [source], name=f"round{number}"))
        last = f"t{number}"
        nodes.append(onnx.helper.make_node("Conv", [source, "w"], [last], name=f"conv{number}" if number else ""))
    weights = onnx.numpy_helper.from_array(np.zeros((1, 1, 300, 3), np.float32), "w")
    return onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], [], [weights])).SerializeToString()


def layer(name: str, precision: str, words: dict[str, str], kind: str = "CaskConvolution", **more: object) -> dict[str, object]:
    tensor = {"Name": "x", "Location": "Device", "Dimensions": [1, 8, 4, 4], "Format/Datatype": words.get(precision, precision)}
    metadata = "\x1e".join(f"[ONNX Layer: {part}]" for part in name.split(" + "))
    return {"Name": name, "LayerType": kind, "Inputs": [tensor], "Outputs": [tensor], "Metadata": metadata, **more}


def text_of(*precisions: str, words: dict[str, str] = NEW, **more: object) -> str:
    names = ["node_of_t0", *(f"conv{number} + PWN(relu{number})" for number in range(1, len(precisions)))]
    layers = [layer(name, precision, words, **more) for name, precision in zip(names, precisions)]
    layers.append(layer("Reformatting CopyNode for Input Tensor 0", "fp32", words, "Reformat", TacticValue="0x0"))
    layers.append({"Name": "end", "LayerType": "signal", "Inputs": [], "Outputs": []})
    return json.dumps({"Layers": layers, "Bindings": ["crops", "classes"]})


def audit_json(text: str, graph: bytes, precision: str, memory: int | None = None) -> EngineAudit:
    """The audit of an engine, from the inspector's text."""
    return audit_layers(layers_of(text), asked_nodes(graph, precision), precision, "inspector", memory)


@pytest.mark.parametrize(("precision", "count"), [("int8", 3), ("fp16", 4), ("fp32", 4)])
def test_what_was_asked_is_read_from_the_graph(precision, count):
    assert asked_nodes(graph_of(4, 3), precision) == ("node_of_t0", "conv1", "conv2", "conv3")[:count]


@pytest.mark.parametrize("file", ["int8.onnx", "fp16.onnx"])
def test_the_reader_agrees_with_onnx(file, nano):
    path = nano / file
    model = onnx.load(path)
    multiplying = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul", "ConvTranspose")]
    rounded = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    assert asked_nodes(path.read_bytes(), "fp16") == tuple(node.name for node in multiplying)
    assert asked_nodes(path.read_bytes(), "int8") == tuple(node.name for node in multiplying if node.input[0] in rounded)


@pytest.mark.parametrize("content", [b"\x3a\xff\xff\x03", b"\x07", b"\xff", graph_of()[:-5]])
def test_a_graph_cut_short_is_refused(content):
    with pytest.raises(BuildError, match="not a readable ONNX file"):
        asked_nodes(content, "int8")


@pytest.mark.parametrize("words", [OLD, NEW], ids=["8.6", "10"])
def test_counts(words):
    audit = audit_json(text_of("int8", "int8", "int8", "fp16", words=words), graph_of(), "int8", 4096)
    assert audit.by_precision == {"int8": 3, "fp16": 1, "fp32": 0, "other": 0, "unknown": 0}
    assert (audit.layers, audit.reformats, audit.fused) == (4, 1, 3)
    assert (audit.asked, audit.built, audit.untold, audit.share) == (4, 3, 0, LEAST_SHARE)
    assert audit.device_memory_bytes == 4096 and check_audit(audit, "x") == ()
    assert EngineAudit.from_dict(json.loads(json.dumps(audit.to_dict()))) == audit
    assert audit.in_words.startswith("3 of 4 convolutions and matrix products in int8; 4 layers (3 int8, 1 fp16), 3 fused")


def test_without_metadata_the_layers_name_tells():
    layers = json.loads(text_of("int8", "int8", "int8", "int8"))
    for entry in layers["Layers"]:
        entry.pop("Metadata", None)
    assert audit_json(json.dumps(layers), graph_of(), "int8").built == 4


@pytest.mark.parametrize(
    ("asked", "built", "remedy"),
    [
        ("int8", ("int8", "int8", "fp16", "fp16"), "--precision fp16"),
        ("fp16", ("fp32", "fp16", "fp16", "fp32"), "--precision fp32"),
        ("fp32", ("fp16", "fp16", "fp16", "fp16"), "report it"),
    ],
)
def test_another_precision_than_asked_for_is_an_error(asked, built, remedy):
    audit = audit_json(text_of(*built), graph_of(), asked)
    with pytest.raises(BuildError, match=f"int8.onnx: asked for {asked} in 4 .*{remedy}"):
        check_audit(audit, "int8.onnx")


def test_what_tensorrt_does_not_say_is_noted_and_not_guessed():
    audit = audit_json(text_of(*["N/A due to dynamic shapes"] * 4, words={}), graph_of(), "int8")
    assert (audit.untold, audit.share, audit.by_precision["unknown"]) == (4, None, 4)
    assert "does not say" in check_audit(audit, "x")[0]


@pytest.mark.parametrize(
    ("types", "weights", "tactic", "expected"),
    [
        (["N/A due to dynamic shapes"], "Int8", "", "int8"),
        (["N/A due to dynamic shapes"], "", "sm80_xmma_fprop_implicit_gemm_f16f16_f16f16_f16", "fp16"),
        (["UInt8"], "", "", "other"),
        (["Int8", "Float"], "", "", "int8"),
        (["BFloat16"], "", "", "other"),
        ([], "", "", "unknown"),
    ],
)
def test_what_a_layer_computes_in(types, weights, tactic, expected):
    assert precision_of(types, weights, tactic) == expected


@pytest.mark.parametrize(("text", "words"), [("", "no JSON"), ("[]", "no list"), ('{"Layers": ["conv0"]}', "names only")])
def test_an_inspector_that_says_nothing(text, words):
    with pytest.raises(BuildError, match=words):
        layers_of(text)


def test_the_inspector_is_asked_for_the_usual_batch():
    asked = []
    context = SimpleNamespace(set_input_shape=lambda name, shape: asked.append((name, shape)))
    inspector = SimpleNamespace(get_engine_information=lambda form: text_of("fp16") if form == "JSON" else "")
    modes = {"crops": "in", "classes": "out"}
    engine = SimpleNamespace(
        num_io_tensors=2,
        device_memory_size=77,
        create_engine_inspector=lambda: inspector,
        create_execution_context=lambda: context,
        get_tensor_name=list(modes).__getitem__,
        get_tensor_mode=modes.__getitem__,
        get_tensor_shape=lambda name: (-1, 50, 160),
    )
    module = SimpleNamespace(
        TensorIOMode=SimpleNamespace(INPUT="in"), LayerInformationFormat=SimpleNamespace(JSON="JSON", ONELINE="TEXT")
    )
    audit = audit_engine(module, engine, graph_of(1, 0), "fp16", 8)
    assert asked == [("crops", (8, 50, 160))] and inspector.execution_context is context
    assert (audit.source, audit.built, audit.device_memory_bytes) == ("inspector", 1, 77)


def test_counts_that_contradict_each_other_are_refused():
    audit = audit_json(text_of("int8"), graph_of(1, 1), "int8")
    for change in ({"built": 2}, {"layers": 5}, {"reformats": -1}):
        with pytest.raises(BundleError, match="contradict"):
            dataclasses.replace(audit, **change)


def table_of(*precisions: str) -> str:
    words = {"int8": "Int8", "fp16": "Half"}
    lines = [
        f"Name: k{number}, LayerType: correlation, Inputs: [ {{ Name: x, Datatype: {words[precision]}, Format: y }}], "
        f"Constants: [], Outputs: [], TacticName: t, StreamId: 0, Metadata: [ONNX Layer: conv{number}]"
        for number, precision in enumerate(precisions, start=1)
    ]
    return "Layers:\n" + "\n".join(lines)


@pytest.mark.parametrize("reverse", [False, True])
def test_of_several_tables_of_a_log_the_worst_counts(reverse):
    tables = [table_of("int8", "int8", "int8"), "Total Activation Memory: 64 bytes", table_of("int8", "fp16", "fp16")]
    audit = audit_log(tables[::-1] if reverse else tables, graph_of(), "int8")
    assert (audit.asked, audit.built, audit.untold, audit.device_memory_bytes) == (4, 1, 1, 64)


def test_an_engine_for_several_gpus_is_judged_by_the_oldest_which_is_named():
    audit = audit_json(text_of("int8", "fp16", "fp16", "fp16"), graph_of(), "int8")
    with pytest.raises(BuildError, match=r"for all of sm120, sm75, sm86 .* the oldest, sm75\..*leave sm75 out of --target"):
        check_audit(audit, "x", ("sm120", "sm75", "sm86"))
    with pytest.raises(BuildError, match="fp16") as caught:
        check_audit(audit, "x", ("sm75",))
    assert "oldest" not in str(caught.value)
    sound = audit_json(text_of(*["int8"] * 4), graph_of(), "int8")
    assert check_audit(sound, "x", ("sm86",)) == ()
    assert "those of the oldest, sm86" in check_audit(sound, "x", ("sm120", "sm86"))[0]


@pytest.mark.parametrize("targets", [("sm75", "sm86"), ("sm86", "sm75"), ("sm120", "sm86")])
def test_tensorrt_rtx_builds_the_kernels_of_the_oldest_for_all(targets, nano):
    """What the message says of TensorRT-RTX holds of the one that is installed."""
    module = pytest.importorskip("tensorrt_rtx", reason="compiles graphs with TensorRT-RTX")
    graph = (nano / "int8.onnx").read_bytes()
    built = [
        build_plan(module, "tensorrt-rtx", BuildRequest(graph, "int8", BuildOptions(targets=each), "x.onnx"))
        for each in (targets, (lowest(targets),))
    ]
    several, one = (audit_log(each.log, graph, "int8") for each in built)
    assert several == one and len(built[0].plan) == len(built[1].plan)


def test_a_log_without_layers_tells_nothing():
    assert audit_log(["Layers:", "[I] built"], graph_of(), "int8") is None


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_tensorrt_rtx_builds_what_is_asked_for(precision, nano):
    """A real build, without a GPU."""
    module = pytest.importorskip("tensorrt_rtx", reason="compiles graphs with TensorRT-RTX")
    options = BuildOptions(targets=("sm86", "sm89"))
    graph = (nano / f"{precision}.onnx").read_bytes()
    built = build_plan(module, "tensorrt-rtx", BuildRequest(graph, precision, options, "x.onnx"))
    audit = audit_log(built.log, graph, precision)
    assert audit is not None and audit.share == 1 and audit.asked >= 20
    assert audit.device_memory_bytes and audit.device_memory_bytes > 1 << 20 and audit.fused > 10
    wrong = audit_log(built.log, graph, "fp32")
    with pytest.raises(BuildError, match="asked for fp32"):
        check_audit(wrong, "x.onnx")
