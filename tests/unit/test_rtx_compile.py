"""Every file for TensorRT goes through a real compiler of the family, TensorRT-RTX: it needs no GPU."""

from __future__ import annotations

import importlib.util
import os
import platform
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from rtx_compiling import WHERE, Compiled, compile_for
from sample_graphs import small_graph
from sample_networks import noise_crops, with_weights

from edgelpr.calibration.building import FP16, INT8, INT8_CPU, build_graphs
from edgelpr.calibration.early import early_form
from edgelpr.calibration.graphs import GraphIndex
from edgelpr.calibration.observing import observe
from edgelpr.calibration.placing import quantisable_nodes
from edgelpr.calibration.ranges import Range, ranges_of
from edgelpr.calibration.record import CalibrationRecord, RecordedImages
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.engines.building import build_plan
from edgelpr.engines.modules import load_tensorrt
from edgelpr.engines.monitoring import TOTAL
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.request import BuildRequest
from edgelpr.errors import BuildError, UsageError
from edgelpr.export.exporting import GRAPH_FILE as FP32
from edgelpr.export.exporting import export_bundle
from edgelpr.export.options import REWRITES, ExportOptions
from edgelpr.export.tracks.exporting import export_track_bundle
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.hpa import Hpa, create
from edgelpr.models.iq_stan import create_iq_stan
from edgelpr.plates.loading import load_plate_format
from edgelpr.types import Int8File

WEIGHTS = Path(__file__).parents[2] / "weights"
NANO = ("hpa-nano-cn", "rewritten", 20)
QUICK = [
    NANO,
    *[("hpa-nano-cn", *rest) for rest in (("plain", 20), ("rewritten", 17), ("plain", 17))],
    ("hpa-nano-latin", "rewritten", 20),
    ("hpa-resnet18-cn", "rewritten", 20),
    *[(name, "rewritten", 20) for name in ("hpa-resnet34", "hpa-resnet50", "hpa-resnet101")],
]
MODELS = ("hpa-nano-latin", "hpa-resnet18-cn", "hpa-resnet18", "hpa-resnet34", "hpa-resnet50", "hpa-resnet101")
PRECISIONS = {FP32: "fp32", FP16: "fp16", INT8: "int8"}
ALL = [(name, kind, opset) for name in MODELS for kind in ("rewritten", "plain") for opset in (20, 17)]
SLOW = [case for case in ALL if case not in QUICK]


@dataclass
class Exported:
    """The files of one bundle, and what became of those that were compiled."""

    graphs: dict[str, onnx.ModelProto]
    record: CalibrationRecord
    rounded: set[str]
    """Names of the nodes that are to compute in INT8."""
    batches: tuple[int, int, int] = (1, 1, 32)
    compiled: dict[str, Compiled] = field(default_factory=dict)

    def compile(self, file: str) -> Compiled:
        if file not in self.compiled:
            self.compiled[file] = compile_for(self.graphs[file], self.batches, precision=PRECISIONS[file])
        return self.compiled[file]


@pytest.fixture(scope="session", autouse=True)
def compiler():
    if importlib.util.find_spec("tensorrt_rtx") is None:
        supported = (sys.platform, platform.machine()) == ("linux", "x86_64")
        demanded = supported and os.environ.get("EDGELPR_REQUIRE_DATA") == "1"
        (pytest.fail if demanded else pytest.skip)("no TensorRT-RTX; on Linux x86-64 the extra 'dev' brings tensorrt-rtx-cu13")


@pytest.fixture(scope="session")
def nano(compiler, tmp_path_factory):
    return export(NANO, tmp_path_factory.mktemp("nano"))


@pytest.fixture(
    scope="session",
    params=[*QUICK, *[pytest.param(case, marks=pytest.mark.slow) for case in SLOW]],
    ids=lambda case: "-".join(map(str, case)),
)
def exported(request, nano, tmp_path_factory):
    return nano if request.param == NANO else export(request.param, tmp_path_factory.mktemp("exported"))


def export(case: tuple[str, str, int], folder: Path) -> Exported:
    name, kind, opset = case
    network = network_of(name)
    crops = noise_crops(2, network.plate_format.height_width)
    options = ExportOptions(opset, REWRITES if kind == "rewritten" else ())
    bundle = export_bundle(network, folder / "exported.elpr", options, crops, lambda line: None).bundle
    model = onnx.load(bundle.file(FP32))
    early = early_form(model)
    seen = observe(early, crops, progress=lambda done, total: None, threads=1)
    ranges = {name: ranges_of(seen, "min-max", symmetric=scheme.symmetric) for name, scheme in SCHEMES.items()}
    return with_ranges(model, ranges)


def with_ranges(model: onnx.ModelProto, ranges: dict[Int8File, dict[str, Range]]) -> Exported:
    """Every file of a bundle, from its fp32 graph and the ranges of its tensors."""
    images = RecordedImages(found=1, seed=0, sha256=("0" * 64,))
    record = CalibrationRecord("0", "0" * 64, {}, images, dict.fromkeys(SCHEMES, "min-max"), ranges)
    rounded = set(quantisable_nodes(early_form(model), SCHEMES["int8"]))
    return Exported({FP32: model, **build_graphs(model, record)}, record, rounded)


def network_of(name: str) -> Hpa:
    """Shipped weights, or an architecture with weights of no meaning."""
    path = WEIGHTS / name / f"{name}.safetensors"
    return load_checkpoint(path) if path.is_file() else with_weights(create(name, load_plate_format("aolp")))


def opset_of(model: onnx.ModelProto) -> int:
    return model.opset_import[0].version


@pytest.mark.parametrize(("file", "precision"), [(FP32, "Float"), (FP16, "Half")])
def test_every_convolution_is_computed_in_the_precision_of_the_file(exported, file, precision):
    model = exported.graphs[file]
    types = exported.compile(file).types_of(model, "Conv")
    assert types == {node.name: precision for node in model.graph.node if node.op_type == "Conv"}


def test_exactly_the_rounded_convolutions_are_computed_in_int8(exported):
    model, compiled = exported.graphs[INT8], exported.compile(INT8)
    rest = "Half" if opset_of(model) == 20 else "Float"  # scales of fp16 exist from opset 19 on
    names = {node.name for node in model.graph.node if node.op_type == "Conv"}
    expected = {name: "Int8" if name in exported.rounded else rest for name in names}
    assert compiled.types_of(model, "Conv") == expected
    assert "Int8" in expected.values() and rest in expected.values()
    multiplying = [kernel for kernel in compiled.kernels if kernel.kind == "correlation"]
    assert all(kernel.constants[0] == kernel.inputs[0] for kernel in multiplying)  # the weights are int8 as well


def test_skips_are_added_without_a_float_copy(exported):
    model, kernels = exported.graphs[INT8], exported.compile(INT8).kernels
    index = GraphIndex(model)
    skips = 0
    for node in model.graph.node:
        makers = [index.makers[name] for name in node.input if name in index.makers]
        if node.op_type == "Add" and sorted(maker.op_type for maker in makers) == ["Conv", "DequantizeLinear"]:
            skips += 1
            adding = [kernel for kernel in kernels if node.name in kernel.nodes]
            rounding = next(maker for maker in makers if maker.op_type == "DequantizeLinear")
            convolving = next(maker for maker in makers if maker.op_type == "Conv")
            assert len(adding) == 1
            assert {rounding.name, convolving.name} <= set(adding[0].nodes)  # with the end of its convolution
            from_convolution = index.makers[index.makers[rounding.input[0]].input[0]].op_type == "Conv"  # downsampled
            assert from_convolution or "Int8" in adding[0].inputs
    assert skips >= 4  # the stages of the backbone have at least one each


def test_only_what_reads_the_picture_is_rounded_by_a_kernel_of_its_own(exported):
    alone = [kernel for kernel in exported.compile(INT8).kernels if kernel.only_rounds]
    assert all(kernel.outputs == ("Int8",) for kernel in alone)  # nothing is turned back to float
    assert len(alone) <= 2  # behind the first convolutions of both branches, which stay in float


@pytest.mark.parametrize("gpu", ["sm80", "sm89", "sm120", "sm121"])
def test_other_gpus_compute_as_many_convolutions_in_int8(nano, gpu):
    types = compile_for(nano.graphs[INT8], compute_capability=gpu).types_of(nano.graphs[INT8], "Conv")
    assert {name for name, kind in types.items() if kind == "Int8"} == nano.rounded


def test_turing_computes_the_int8_file_in_fp16(nano):
    types = compile_for(nano.graphs[INT8], compute_capability="sm75").types_of(nano.graphs[INT8], "Conv")
    assert set(types.values()) == {"Half"}


@pytest.mark.parametrize("file", [FP32, FP16, INT8])
def test_one_batch_size_alone_compiles(exported, file):
    assert compile_for(exported.graphs[file], (1, 1, 1), precision=PRECISIONS[file]).kernels


@pytest.mark.parametrize("file", [FP32, FP16, INT8])
def test_the_largest_batch_compiles(nano, file):
    assert compile_for(nano.graphs[file], (1, 16, 256), precision=PRECISIONS[file]).kernels


def test_nodes_that_are_kept_are_computed_in_higher_precision(nano):
    kept = sorted(nano.rounded)[:3]
    nodes = nano.graphs[FP32].graph.node
    single = next(node for node in nodes if node.op_type == "Conv")
    record = replace(nano.record, kept={"int8": tuple(kept), "fp16": (single.name,)})
    graphs = build_graphs(nano.graphs[FP32], record)
    rounded = compile_for(graphs[INT8]).types_of(graphs[INT8], "Conv")
    assert {name for name, kind in rounded.items() if kind == "Int8"} == nano.rounded - set(kept)
    half = compile_for(graphs[FP16]).types_of(graphs[FP16], "Conv")
    assert {name for name, kind in half.items() if kind == "Float"} == {single.name}


@pytest.fixture(
    scope="session",
    params=[(20, True), *[pytest.param(case, marks=pytest.mark.slow) for case in ((17, True), (20, False), (17, False))]],
    ids=lambda case: f"opset-{case[0]}-{'with' if case[1] else 'without'}-maps",
)
def tracks(request, compiler, tmp_path_factory):
    """IQ-STAN of the real size; any range will do, as nothing is read."""
    opset, maps = request.param
    frames = np.stack([noise_crops(5, (50, 150))])
    network = create_iq_stan(load_plate_format("cn"))
    folder = tmp_path_factory.mktemp("tracks") / "tracks.elpr"
    bundle = export_track_bundle(network, folder, ExportOptions(opset, maps=maps), frames, lambda line: None).bundle
    model = onnx.load(bundle.file(FP32))
    ranges = dict.fromkeys((name for node in early_form(model).graph.node for name in node.output), Range(-4.0, 4.0))
    return replace(with_ranges(model, dict.fromkeys(SCHEMES, ranges)), batches=(1, 1, 2))


@pytest.mark.parametrize("file", [FP32, FP16, INT8])
def test_a_graph_that_reads_tracks_compiles_in_the_precision_of_the_file(tracks, file):
    model, compiled = tracks.graphs[file], tracks.compile(file)
    rest = "Float" if file == FP32 or (file == INT8 and opset_of(model) == 17) else "Half"
    rounded = tracks.rounded if file == INT8 else set()
    for operator in ("Conv", "MatMul", "Gemm"):
        types = compiled.types_of(model, operator)
        assert types == {name: "Int8" if name in rounded else rest for name in types}
        assert types
    convolutions = {node.name for node in model.graph.node if node.op_type == "Conv"}
    assert set(compiled.types_of(model, "Conv")) == convolutions
    assert len(convolutions & tracks.rounded) == len(convolutions) - 1 == 5  # all but the one that takes the picture


@pytest.mark.parametrize(("file", "kind"), [(FP32, "Float"), (FP16, "Half"), (INT8, "Half")])
def test_recurrent_layers_are_never_rounded_to_int8(tracks, file, kind):
    if file == INT8 and opset_of(tracks.graphs[file]) == 17:
        kind = "Float"  # what TensorRT 8.6 does with it, it decides itself
    model = tracks.graphs[file]
    names = {node.name for node in model.graph.node if node.op_type == "LSTM"}
    computing = [kernel for kernel in tracks.compile(file).kernels if names & set(kernel.nodes)]
    assert names and names <= {name for kernel in computing for name in kernel.nodes}
    assert {each for kernel in computing for each in (*kernel.inputs, *kernel.constants)} == {kind}
    results = {each for kernel in computing for each in kernel.outputs}
    assert results - {"Int8"} == {kind}  # what comes next may be rounded, and that is done by the same kernel


@pytest.mark.parametrize("file", [FP32, FP16, INT8])
def test_one_track_alone_compiles(tracks, file):
    assert compile_for(tracks.graphs[file], (1, 1, 1), precision=PRECISIONS[file]).kernels


@pytest.mark.parametrize("file", [FP32, FP16, INT8])
def test_bytes_of_tracks_are_only_converted(tracks, file):
    graph = tracks.graphs[file].graph
    takers = [node.op_type for value in graph.input for node in graph.node if value.name in node.input]
    assert [value.type.tensor_type.elem_type for value in graph.input] == [onnx.TensorProto.UINT8] * 2
    assert set(takers) == {"Cast"}  # TensorRT does nothing else with them


def test_biases_in_int32_are_refused(nano):
    with pytest.raises(BuildError, match=r"bias\.rounded\.node: input has type Int32 but must have type"):
        compile_for(nano.graphs[INT8_CPU])


def test_a_zero_point_other_than_zero_is_refused(nano):
    model = changed(nano.graphs[INT8], lambda name: name.endswith("relu_4.zero"), lambda values: np.int8(3))
    with pytest.raises(BuildError, match="Non-zero zero point is not supported"):
        compile_for(model)


def test_mixed_precision_within_a_convolution_is_refused(nano):
    model = changed(nano.graphs[FP16], lambda name: name.endswith("conv1.weight.half"), lambda values: values.astype("f4"))
    with pytest.raises(BuildError, match=r"must be of same type. `input` type is Half but `kernel` is of type Float"):
        compile_for(model)


@pytest.mark.parametrize("operator", ["QLinearConv", "MaxRoiPool", "NoSuchOperator"])
def test_an_operator_that_tensorrt_does_not_have_is_refused(operator):
    model = onnx.load_model_from_string(small_graph(operator=operator))
    with pytest.raises(BuildError, match=rf"graph\.onnx: TensorRT-RTX [\d.]+ refuses it: node 'make_scores' \({operator}\): "):
        compile_for(model)


def test_a_side_without_a_size_is_refused():
    model = onnx.load_model_from_string(small_graph())
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "W"
    with pytest.raises(BuildError, match=r"graph\.onnx: the input 'crops' has the shape \[-1, 8, -1\]; only the number"):
        compile_for(model)


def test_batches_that_a_graph_of_one_crop_does_not_take_are_refused():
    model = onnx.load_model_from_string(small_graph())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    assert compile_for(model, (1, 1, 1)).engine
    with pytest.raises(BuildError, match=r"graph\.onnx: "):
        compile_for(model)


@pytest.mark.parametrize("cut", [lambda content: content[:3000], lambda content: b"no graph", lambda content: b""])
def test_what_is_no_graph_is_refused(cut):
    with pytest.raises(BuildError, match=r"graph\.onnx: TensorRT-RTX .*Use a bundle written by 'edgelpr export'"):
        build(cut(small_graph()))


def build(graph: bytes, progress=None, **options):
    chosen = BuildOptions(**{"targets": ("sm86",), **options})
    request = BuildRequest(graph, "fp32", chosen, WHERE)
    return build_plan(load_tensorrt("tensorrt-rtx"), "tensorrt-rtx", request, progress=progress)


def test_an_engine_for_several_gpus_is_larger_than_one_for_one():
    sizes = [len(build(small_graph(), targets=targets).plan) for targets in (("sm86",), ("sm86", "sm89", "sm120"))]
    assert sizes[0] < sizes[1]


def test_a_gpu_that_it_does_not_know_is_refused_with_those_it_knows():
    with pytest.raises(UsageError, match=r"'sm87' is unknown.* it builds for sm75, sm80, sm86, sm89, sm120, sm121"):
        build(small_graph(), targets=("sm87",))


def test_too_small_a_workspace_is_said_to_be_too_small(nano):
    with pytest.raises(BuildError, match=r"It has no kernel for a layer: .*--workspace"):
        build(nano.graphs[FP32].SerializeToString(), workspace_bytes=1 << 20, batches=(32, 32, 32))


def test_progress_grows_to_the_end():
    seen: list[int] = []
    build(small_graph(), lambda done, total: seen.append(done))
    assert seen == sorted(set(seen)) and seen[-1] == TOTAL and len(seen) > 10


def test_ctrl_c_stops_the_compiler():
    seen: list[int] = []

    def press(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        build(small_graph(), press)
    assert seen[-1] in (seen[1], TOTAL) and len(seen) < 5


def changed(model, which, how) -> onnx.ModelProto:
    """A copy with the first constant of such a name changed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    constant = next(item for item in copy.graph.initializer if which(item.name))
    constant.CopyFrom(numpy_helper.from_array(np.asarray(how(numpy_helper.to_array(constant))), constant.name))
    return copy
