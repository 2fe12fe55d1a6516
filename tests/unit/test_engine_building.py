"""Building an engine with each version of TensorRT: what is configured, and what is said where it cannot be done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from doubles.building import Bench, backend_of, fake_tensorrt
from doubles.plans import open_fake_plan
from doubles.surfaces import RTX, TENSORRT, VERSIONS
from sample_graphs import small_graph

from edgelpr.engines.building import BuiltPlan, build_plan
from edgelpr.engines.monitoring import TOTAL
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.request import BuildRequest, Surroundings
from edgelpr.engines.workspace import workspace_for
from edgelpr.errors import BuildError, UsageError

GIB = 1 << 30


def build(version: str, bench: Bench | None = None, graph: bytes | None = None, precision: str = "fp16", **more) -> BuiltPlan:
    options = BuildOptions(**{name: more.pop(name) for name in list(more) if name in BuildOptions.__dataclass_fields__})
    module = fake_tensorrt(version, bench)
    content = small_graph(quantised=precision == "int8") if graph is None else graph
    request = BuildRequest(content, precision, options, "a.elpr/graph.onnx", more.pop("opset", None))
    progress = more.pop("progress", None)
    return build_plan(module, backend_of(version), request, Surroundings(**more), progress)


def facts_of(built: BuiltPlan) -> dict:
    return open_fake_plan(built.plan)[0]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_precision_is_that_of_the_graph(version, precision):
    graph = small_graph(quantised=precision == "int8")
    built = build(version, graph=graph, precision=precision)
    facts, content = open_fake_plan(built.plan)
    assert content == graph
    assert facts["network"] == (["EXPLICIT_BATCH"] if version == "8.6.1" else ["STRONGLY_TYPED"])
    told = {"fp32": [], "fp16": ["FP16", "TF32"], "int8": ["FP16", "INT8", "TF32"]}[precision]
    told = told if version == "8.6.1" else [flag for flag in told if flag == "TF32"]
    assert [flag for flag in facts["flags"] if flag != "REQUIRE_USER_ALLOCATION"] == told
    assert facts["verbosity"] == "DETAILED"


@pytest.mark.parametrize("version", VERSIONS)
def test_options_reach_the_builder(version):
    facts = facts_of(build(version, batches=(1, 8, 32), workspace_bytes=GIB, level=5))
    assert facts["profile"] == {"crops": [[1, 8, 16], [8, 8, 16], [32, 8, 16]]}
    assert (facts["workspace"], facts["level"]) == (GIB, 5)
    assert (facts["device"], facts["hardware_compatibility"], facts["version_compatible"]) == ("GPU", "NONE", False)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_running_relies_on_is_asked_for(version):
    facts = facts_of(build(version))
    assert ("PROFILE_SHARING_0806" in facts["previews"]) is (version in ("8.6.1", "10.3.0", "10.16.1.11"))
    assert ("REQUIRE_USER_ALLOCATION" in facts["flags"]) is (version == RTX)


@pytest.mark.parametrize("version", VERSIONS)
def test_progress_is_reported_where_tensorrt_reports_it(version):
    seen: list[tuple[int, int]] = []
    build(version, progress=lambda done, total: seen.append((done, total)))
    if version == "8.6.1":
        assert seen == []
    else:
        done = [each for each, _ in seen]
        assert done == sorted(set(done)) and done[-1] == TOTAL and len(done) > 4
        assert {total for _, total in seen} == {TOTAL}


def test_what_the_progress_callback_raises_does_not_reach_tensorrt():
    def broken(done: int, total: int) -> None:
        raise ValueError("a terminal that is gone")

    assert facts_of(build("10.3.0", progress=broken))["version"] == "10.3.0"


@pytest.mark.parametrize(
    ("free", "integrated", "expected"),
    [(8 * GIB, False, 6 * GIB), (5 * GIB, True, 2 * GIB), (GIB, True, 64 << 20), (0, False, 64 << 20)],
)
def test_the_workspace_comes_from_free_memory(free, integrated, expected):
    assert workspace_for(free, integrated) == expected
    assert facts_of(build("10.3.0", free_bytes=free, integrated=integrated))["workspace"] == expected


def test_without_knowledge_of_memory_tensorrt_keeps_its_own_limit():
    assert facts_of(build("10.3.0"))["workspace"] is None


def test_a_workspace_beyond_what_is_free_is_remarked():
    notes = build("10.3.0", workspace_bytes=2 * GIB, free_bytes=GIB).notes
    assert notes == ("the workspace of 2 GiB is more than the 1 GiB that are free",)


# Ctrl-C


@pytest.mark.parametrize("version", [version for version in VERSIONS if version != "8.6.1"])
def test_ctrl_c_stops_a_build(version):
    bench = Bench(during=pressed_once(lambda: os.kill(os.getpid(), signal.SIGINT)))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        build(version, bench)
    assert bench.builds == []
    assert signal.getsignal(signal.SIGINT) is before


def pressed_once(press):
    left = [press]
    return lambda: left.pop()() if left else None


def test_where_a_build_cannot_be_stopped_ctrl_c_takes_effect_after_it():
    bench = Bench(during=lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        build("8.6.1", bench)
    assert len(bench.builds) == 1


# What TensorRT says


@pytest.mark.parametrize("version", VERSIONS)
def test_a_node_that_the_parser_refuses_is_named(version):
    name = "node number 2: " if version == "8.6.1" else r"node 'make_scores' \(QLinearConv\): "
    expected = rf"a\.elpr/graph\.onnx: TensorRT.* {version} refuses it: {name}unsupported node \(No importer"
    with pytest.raises(BuildError, match=expected):
        build(version, graph=small_graph(operator="QLinearConv"))


@pytest.mark.parametrize("content", [b"not a graph at all \xff", small_graph()[:200]])
def test_what_is_no_graph_is_refused(content):
    with pytest.raises(BuildError, match=r"graph\.onnx: TensorRT 10\.3\.0 refuses it: unsupported node \(Failed to parse"):
        build("10.3.0", graph=content)


def test_a_graph_of_nothing_is_refused():
    with pytest.raises(BuildError, match="finds 0 inputs and 0 outputs in it; expected at least one"):
        build("10.3.0", graph=b"")


def test_opset_20_is_refused_by_the_oldest_with_the_way_out():
    with pytest.raises(BuildError, match=r"opset 20, but TensorRT 8\.6\.1 reads opset 17 at most.*edgelpr export --opset 17"):
        build("8.6.1", graph=small_graph(opset=20), opset=20)
    assert build("8.6.1", opset=17).plan
    assert build("10.3.0", graph=small_graph(opset=20), opset=20).plan


@pytest.mark.parametrize(
    "said",
    [
        "Error Code 2: OutOfMemory (Requested size was 1073741824 bytes.)",
        "[virtualMemoryBuffer.cpp] Error Code 2: OutOfMemory (no further information)",
        "Cuda Runtime (out of memory)",
        "Requested amount of GPU memory (1073741824 bytes) could not be allocated",
        "std::bad_alloc",
    ],
)
def test_a_lack_of_memory_names_workspace_and_swap(said):
    with pytest.raises(BuildError, match=r"(?s)lacked memory: .*--workspace.*swap"):
        build("10.3.0", Bench(failure=said))


@pytest.mark.parametrize(
    "said",
    [
        "Error Code 10: Could not find any implementation for node conv1",
        "[tactic.cpp] no tactics to implement the operation within workspace limit",
        "Error Code 9: Skipping tactic 3 due to insufficient workspace",
    ],
)
def test_without_a_kernel_for_a_layer_both_causes_are_named(said):
    with pytest.raises(BuildError) as caught:
        build("10.3.0", Bench(failure=said))
    text = str(caught.value)
    assert f"built no engine: {said}. It has no kernel for a layer" in text
    assert "--precision" in text and "--workspace" in text and "lacked memory" not in text


def test_memory_of_the_host_that_runs_out_is_a_readable_error():
    with pytest.raises(BuildError, match=r"the machine's memory ran out.*swap"):
        build("10.3.0", Bench(raises=MemoryError()))


def test_a_failure_says_what_tensorrt_said():
    with pytest.raises(BuildError, match=r"TensorRT 10\.3\.0 built no engine: Error Code 4: something else\. --verbose"):
        build("10.3.0", Bench(failure="Error Code 4: something else"))


def test_a_lean_runtime_that_is_not_installed_is_named():
    said = "Error Code 6: API Usage Error (Unable to load library: libnvinfer_lean.so.10)"
    with pytest.raises(BuildError, match=r"libnvinfer_lean\.so\.10\)\. --version-compatible needs TensorRT's lean runtime"):
        build("10.3.0", Bench(failure=said), version_compatible=True)


def test_a_builder_that_cannot_start_points_to_the_doctor():
    module = fake_tensorrt("10.3.0")

    def refuse(log: object) -> None:
        raise TypeError("pybind11::init(): factory function returned nullptr")

    module.Builder = refuse
    with pytest.raises(BuildError, match=r"cannot start: pybind11::init.*edgelpr doctor"):
        build_plan(module, "tensorrt", BuildRequest(small_graph(), "fp32", BuildOptions(), "graph.onnx"))


# The timing cache


@pytest.mark.parametrize("version", VERSIONS)
def test_a_timing_cache_comes_back_and_is_taken_again(version):
    built = build(version)
    if version == RTX:  # it tunes where the engine runs
        assert built.timing_cache is None
        return
    assert built.timing_cache == f"times of Orin (nvgpu) {version}".encode()
    again = build(version, timing_cache=built.timing_cache)
    assert (again.notes, again.timing_cache) == ((), built.timing_cache)


def test_a_timing_cache_of_another_version_is_left_out_with_a_note():
    built = build("10.3.0", timing_cache=b"times of Orin (nvgpu) 8.6.1")
    assert built.notes == ("the timing cache is of another GPU or version of TensorRT; built without it",)
    assert built.timing_cache == b"times of Orin (nvgpu) 10.3.0"


# DLA


def dla(version: str = "10.3.0", cores: int = 2, precision: str = "fp16", takes: str = "float32", **more) -> BuiltPlan:
    options = {"dla_core": 1, "batches": (4, 4, 4)} | more
    graph = small_graph(takes=takes, quantised=precision == "int8")
    return build(version, Bench(dla_cores=cores), graph, precision, **options)


@pytest.mark.parametrize("version", TENSORRT)
def test_a_dla_computes_what_it_can(version):
    built = dla(version)
    facts = facts_of(built)
    assert (facts["device"], facts["dla_core"]) == ("DLA", 1)
    weakly = ["EXPLICIT_BATCH"] if version != "11.4.0.106" else ["STRONGLY_TYPED"]
    assert facts["network"] == weakly
    assert set(facts["flags"]) == {"GPU_FALLBACK", "TF32"} | ({"FP16"} if version != "11.4.0.106" else set())
    assert facts["profile"] == {"crops": [[4, 1, 8, 16]] * 3}
    assert built.notes == ("DLA core 1 computes 1 of 3 layers, the GPU the rest",)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"batches": (1, 1, 32)}, UsageError, r"one batch size only, not 1 to 32; name one, for example --batch 1"),
        ({"precision": "fp32"}, UsageError, r"fp16 and int8 only"),
        ({"precision": "int8"}, UsageError, r"edgelpr build --script.*edgelpr calibrate --tensorrt-cache"),
        ({"version": RTX}, UsageError, r"TensorRT-RTX is for desktop GPUs, which have no DLA"),
        ({"takes": "uint8"}, BuildError, r"takes crops as bytes.*edgelpr export --no-rewrite decode"),
        ({"cores": 0}, BuildError, r"this machine has no DLA"),
        ({"dla_core": 2}, BuildError, r"--dla 2: this machine has the DLA cores 0, 1"),
    ],
)
def test_what_a_dla_cannot_do_is_refused_with_the_way_out(changes, error, message):
    with pytest.raises(error, match=message):
        dla(**changes)


def test_int8_on_a_dla_reads_the_graph_where_ranges_are_there():
    assert facts_of(dla("11.4.0.106", precision="int8"))["device"] == "DLA"


def test_a_dla_that_can_compute_nothing_is_refused():
    with pytest.raises(BuildError, match=r"none of its 3 layers can run on a DLA"):
        build("10.3.0", Bench(dla_cores=1), small_graph(takes="float32", operator="Gemm"), dla_core=0, batches=(1, 1, 1))


# For other machines


@pytest.mark.parametrize("version", TENSORRT)
def test_engines_for_later_versions_and_other_gpus(version):
    facts = facts_of(build(version, version_compatible=True, hardware_compatibility="ampere-plus"))
    assert facts["version_compatible"] and facts["hardware_compatibility"] == "AMPERE_PLUS"


@pytest.mark.parametrize("version", TENSORRT)
def test_a_compatibility_that_a_version_does_not_know_is_refused(version):
    if version in ("10.16.1.11", "11.4.0.106"):
        facts = facts_of(build(version, hardware_compatibility="same-compute-capability"))
        assert facts["hardware_compatibility"] == "SAME_COMPUTE_CAPABILITY"
    else:
        with pytest.raises(UsageError, match=rf"unknown to TensorRT {version}; it knows: none, ampere-plus$"):
            build(version, hardware_compatibility="same-compute-capability")


def test_hardware_compatible_engines_are_refused_on_jetpack():
    with pytest.raises(UsageError, match="TensorRT has no hardware-compatible engines on JetPack"):
        build("10.3.0", hardware_compatibility="ampere-plus", jetpack=True)
    assert facts_of(build("10.3.0", jetpack=True))["hardware_compatibility"] == "NONE"


@pytest.mark.parametrize("version", TENSORRT)
def test_version_compatible_engines_are_refused_on_jetpack(version):
    with pytest.raises(UsageError, match="--version-compatible: NVIDIA documents no such engines for JetPack.*build anew"):
        build(version, version_compatible=True, jetpack=True)


def test_tensorrt_rtx_builds_for_several_gpus():
    assert facts_of(build(RTX, targets=("sm86", "sm89")))["targets"] == ["SM86", "SM89"]


@pytest.mark.parametrize(
    ("version", "options", "message"),
    [
        (RTX, {"targets": ("sm86", "sm87")}, r"'sm87' is unknown to .*; it builds for sm75, sm80, sm86, sm89, sm120, sm121$"),
        ("10.3.0", {"targets": ("sm86",)}, r"--target is for tensorrt-rtx; TensorRT 10\.3\.0 builds for the GPU that it runs"),
        (RTX, {"version_compatible": True}, r"runs with the version that built it only"),
        (RTX, {"hardware_compatibility": "ampere-plus"}, r"--hardware-compatible is for tensorrt"),
    ],
)
def test_what_a_backend_does_not_have_is_refused(version, options, message):
    with pytest.raises(UsageError, match=message):
        build(version, **options)


def test_the_builder_needs_neither_torch_nor_onnx():
    script = "import sys, edgelpr.engines.building; print([m for m in ('torch', 'onnx', 'tensorrt') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert out.stdout == "[]\n", out.stderr
