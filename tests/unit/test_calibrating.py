"""Calibrating a bundle: what it holds afterwards, how methods are chosen, and whatever goes wrong."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sample_approvals import approval_of
from sample_crops import fill
from sample_networks import SMALL, noise_crops, small_network

from edgelpr.bundle import updating
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import record_accuracy, record_approvals
from edgelpr.bundle.updating import check_changeable, update_bundle
from edgelpr.bundle.writing import write_bundle
from edgelpr.calibration import calibrating
from edgelpr.calibration.attention import attend_early
from edgelpr.calibration.building import build_graphs
from edgelpr.calibration.calibrating import calibrate, reuse_record
from edgelpr.calibration.choosing import LEAST_FOR_TRIALS, WITHOUT_TRIALS, best_methods, split_for_trials
from edgelpr.calibration.comparing import difference
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.calibration.observing import observe
from edgelpr.calibration.opening import open_float_graph, read_record
from edgelpr.calibration.placing import quantisable_nodes
from edgelpr.calibration.ranges import Range, ranges_of
from edgelpr.calibration.record import CALIBRATION, Trial
from edgelpr.calibration.running import GraphRunner, Readings
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.errors import BundleError, CalibrationError, UsageError
from edgelpr.export.counting import count_graph_multiply_adds
from edgelpr.export.exporting import export_bundle
from edgelpr.export.options import ExportOptions
from edgelpr.models import hpa
from edgelpr.models.checkpoint import load_checkpoint
from edgelpr.models.weights import resolve_checkpoint
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.runtime.recognizer import Recognizer

NEW = ["calibration.json", "fp16.onnx", "int8-cpu.onnx", "int8.onnx"]
FULL = OSError(errno.ENOSPC, "No space left on device")


def quiet(message):
    """Notes that nobody reads."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The small network's bundle, opset 20; not to be changed."""
    folder = tmp_path_factory.mktemp("exported") / "small.elpr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(hpa.ARCHITECTURES, SMALL.name, SMALL)
        return export_bundle(small_network(), folder, ExportOptions(simplify=False), noise_crops(3), quiet).bundle


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return load_calibration_images(fill(tmp_path_factory.mktemp("crops"), LEAST_FOR_TRIALS), Preprocessing())


@pytest.fixture(scope="module")
def report(exported, images, tmp_path_factory):
    """A calibration with all defaults; its bundle is not to be changed."""
    copy = shutil.copytree(exported.path, tmp_path_factory.mktemp("calibrated") / "small.elpr")
    return calibrate(Bundle.open(copy), images, threads=1, say=quiet)


@pytest.fixture
def opened(exported, tmp_path):
    """A copy of the exported bundle, which a test may calibrate."""
    return Bundle.open(shutil.copytree(exported.path, tmp_path / "small.elpr"))


@pytest.fixture
def calibrated(report, tmp_path):
    """A copy of the calibrated bundle."""
    return Bundle.open(shutil.copytree(report.bundle.path, tmp_path / "small.elpr"))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def hashes(bundle: Bundle) -> dict[str, str]:
    return {name: record.sha256 for name, record in bundle.manifest.files.items() if name.endswith(".onnx")}


def test_the_bundle_holds_every_graph_and_the_record(report, exported, images):
    bundle = Bundle.open(report.bundle.path)
    assert sorted(bundle.manifest.files) == sorted([*NEW, "fp32.onnx"])
    assert hashes(bundle)["fp32.onnx"] == hashes(exported)["fp32.onnx"]
    float_graph = exported.graph("fp32")
    assert bundle.graph("fp32") == float_graph
    assert bundle.graph("fp16") == replace(float_graph, file="fp16.onnx", precision="fp16")
    early = tuple(name for name in float_graph.rewrites if name != "late-attention")
    count = count_graph_multiply_adds(attend_early(onnx.load(exported.file("fp32.onnx"))))
    assert count > float_graph.multiply_adds
    rounded = replace(float_graph, precision="int8", rewrites=early, multiply_adds=count)
    assert bundle.graph("int8") == replace(rounded, file="int8-cpu.onnx", made_for="cpu")
    assert bundle.graph("int8", "tensorrt") == replace(rounded, file="int8.onnx", made_for="tensorrt")
    record = read_record(bundle)
    assert record == report.record and record.graph_sha256 == hashes(exported)["fp32.onnx"]
    assert (record.images.sha256, record.images.names) == (images.hashes, images.names)
    assert set(record.versions) == {"numpy", "onnx", "onnxruntime", "opencv"}
    assert record.warnings == tuple(item.what for item in report.narrowness) != ()
    assert [check.file for check in report.checks] == ["fp16.onnx", "int8.onnx", "int8-cpu.onnx"]


def test_trials_choose_a_method_for_each_file(report):
    trials = report.record.trials
    assert [(trial.file, trial.method) for trial in trials] == [
        (file, method) for file in ("int8", "int8-cpu") for method in ("min-max", "percentile", "entropy")
    ]
    assert {trial.held_out for trial in trials} == {16}
    assert report.record.methods == best_methods(trials)


def test_the_runtime_reads_with_the_new_graphs(report):
    crop = noise_crops(1)[0]
    with Recognizer.open(report.bundle) as plain:
        expected = plain.read(crop)
    for precision in ("fp16", "int8"):
        with Recognizer.open(report.bundle, precision=precision, allow_unapproved=True) as recognizer:
            assert recognizer.read(crop).confidence == pytest.approx(expected.confidence, abs=0.1)


def test_the_best_method_changes_fewest_readings_then_shifts_least():
    def trial(file, method, changed, shift):
        return Trial(file, method, changed, shift, 20)

    trials = [
        trial("int8", "min-max", 1, 0.5),
        trial("int8", "percentile", 2, 0.1),
        trial("int8", "entropy", 1, 0.4),
        trial("int8-cpu", "min-max", 0, 0.2),
        trial("int8-cpu", "percentile", 0, 0.2),
    ]
    assert best_methods(trials) == {"int8": "entropy", "int8-cpu": "min-max"}
    assert best_methods([]) == {}


def test_trials_judge_by_crops_that_ranges_do_not_come_from(images, opened, monkeypatch):
    given = []
    monkeypatch.setattr(calibrating, "try_methods", lambda source, seen, inputs, **_: given.append((seen, inputs)) or ())
    calibrate(opened, images, threads=1, say=quiet)
    ((seen, (held_out,)),) = given
    fit, held = split_for_trials(images)
    assert (seen.crops, len(held_out)) == (len(fit), len(held)) == (32, 16)
    assert np.array_equal(held_out, held.crops) and not set(fit.hashes) & set(held.hashes)


def test_final_ranges_come_from_all_images(report, images, exported):
    early = open_float_graph(exported).early
    everything = observe(early, images.crops, progress=lambda done, total: None, threads=1)
    for file, method in report.record.methods.items():
        expected = ranges_of(everything, method, symmetric=SCHEMES[file].symmetric)
        found = report.record.ranges[file]
        assert list(found) == list(expected)
        assert [found[name].high for name in found] == pytest.approx([expected[name].high for name in found], rel=1e-5)


def test_a_method_that_was_asked_for_is_not_tried(opened, images):
    record = calibrate(opened, images, method="entropy", threads=1, say=quiet).record
    assert (set(record.methods.values()), record.trials) == ({"entropy"}, ())


def test_too_few_images_for_trials_are_said_to_be(opened, images):
    said = []
    record = calibrate(opened, images.subset(range(LEAST_FOR_TRIALS - 1)), threads=1, say=said.append).record
    assert (record.methods, record.trials) == (WITHOUT_TRIALS, ())
    assert "47 images are too few to try methods on: it takes 48" in said[0]
    assert "percentile for int8 and min-max for int8-cpu" in said[0]


def test_progress_and_notes(opened, images):
    said, reports = [], []
    calibrate(opened, images, threads=1, say=said.append, progress=lambda *each: reports.append(each))
    assert [line.split()[0] for line in said] == ["Running", "Trying", "Building", "Checking", "Writing"]
    assert (96, 96) in reports and reports[-1] == (7 * 16, 7 * 16)


def test_the_same_images_give_the_same_files(opened, images, report):
    assert hashes(calibrate(opened, images, threads=1, say=quiet).bundle) == hashes(report.bundle)


def test_a_record_is_reused_without_its_images(opened, report):
    again = reuse_record(opened, report.record, (noise_crops(3),), where="record.json", threads=1, say=quiet)
    assert hashes(again.bundle) == hashes(report.bundle)
    assert (again.reused, again.record, again.narrowness) == (True, report.record, ())
    assert [check.difference.crops for check in again.checks] == [3, 3, 3]


def test_new_graphs_void_what_was_found_about_the_old_ones(calibrated, images):
    fp16 = approval_of(calibrated.file("fp16.onnx").read_bytes(), "fp16")
    int8 = approval_of(calibrated.file("int8-cpu.onnx").read_bytes(), "int8")
    bundle = record_approvals(calibrated, [fp16, int8])
    for precision in ("fp32", "fp16", "int8"):
        entry = {"precision": precision, "backend": "onnxruntime", "data_sha256": "abc", "rectify": False}
        bundle = record_accuracy(bundle, entry)
    method = next(each for each in ("min-max", "entropy") if each != read_record(bundle).methods["int8-cpu"])
    manifest = calibrate(bundle, images, method=method, threads=1, say=quiet).bundle.manifest
    assert manifest.approvals == (fp16,)  # its graph came out the same
    assert [entry["precision"] for entry in manifest.accuracy] == ["fp32", "fp16"]
    assert len(manifest.graphs) == 4


def test_what_an_earlier_search_kept_is_said_to_be_lost(calibrated, images):
    name, *_ = quantisable_nodes(open_float_graph(calibrated).early, SCHEMES["int8"])
    record = replace(read_record(calibrated), kept={"int8": (name,), "fp16": (name,)})
    kept = reuse_record(calibrated, record, (noise_crops(2),), where="record", threads=1, say=quiet).bundle
    assert hashes(kept)["int8.onnx"] != hashes(calibrated)["int8.onnx"]
    said = []
    new = calibrate(kept, images, method="min-max", threads=1, say=said.append)
    assert "kept 2 layers in higher precision" in said[0] and new.record.kept == {}


def readings(plates, classes, probabilities):
    return Readings(tuple(plates), np.array(classes, np.int32), np.array(probabilities, np.float32))


def test_a_difference_counts_plates_and_what_the_winners_lose():
    reference = readings(["12", "3"], [[1, 2], [3, 10]], [[0.9, 0.8], [0.7, 1.0]])
    found = readings(["12", "4"], [[1, 2], [4, 10]], [[0.8, 0.8], [0.6, 1.0]])
    result = difference(reference, found)
    assert (result.crops, result.changed) == (2, 1)
    assert result.largest_shift == pytest.approx(0.3) and result.mean_shift == pytest.approx((0.1 + 0.3) / 4)


def test_readings_do_not_depend_on_the_batch(exported):
    source = open_float_graph(exported)
    runner = GraphRunner(source.model, source.graph, exported.manifest.plate_format, 1)
    crops = noise_crops(18)
    whole, single = runner.read(crops), runner.read(crops[17:])
    assert whole.plates[17:] == single.plates and np.allclose(whole.probabilities[17:], single.probabilities, atol=1e-5)


def not_finite(model):
    for constant in model.graph.initializer:
        if constant.data_type == onnx.TensorProto.FLOAT16 and len(constant.dims) == 4:
            constant.CopyFrom(numpy_helper.from_array(np.full(constant.dims, np.nan, np.float16), constant.name))


def another_batch(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def another_result(model):
    for node in model.graph.node:
        if node.op_type == "ArgMax":
            node.op_type = "ArgMin"


def unknown_operator(model):
    model.graph.node[0].op_type = "NoSuchOperator"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (not_finite, "fp16.onnx: '.*' holds NaN or infinity on a batch of 1"),
        (another_batch, "fp16.onnx: takes and returns .* fp32 takes and returns"),
        (another_result, r"fp16.onnx: reads \d+ of 32 crops otherwise than fp32"),
        (unknown_operator, "fp16.onnx: ONNX Runtime .* refuses the graph"),
    ],
)
def test_a_broken_graph_is_never_written(opened, images, monkeypatch, damage, words):
    def build(model, record):
        models = build_graphs(model, record)
        damage(models["fp16.onnx"])
        return models

    before = snapshot(opened.path.parent)
    monkeypatch.setattr(calibrating, "build_graphs", build)
    with pytest.raises(CalibrationError, match=words):
        calibrate(opened, images, method="min-max", threads=1, say=quiet)
    assert snapshot(opened.path.parent) == before


def test_a_full_disk_leaves_the_bundle_as_it_was(opened, images, monkeypatch):
    def full(*_):
        raise FULL

    before = snapshot(opened.path.parent)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match="could not be changed .No space left on device. and was left whole"):
        calibrate(opened, images, method="min-max", threads=1, say=quiet)
    monkeypatch.undo()
    assert snapshot(opened.path.parent) == before


@pytest.mark.parametrize("step", ["Running", "Trying", "Checking", "Writing"])
def test_ctrl_c_leaves_the_bundle_as_it_was(opened, images, step):
    def interrupted(message):
        if message.startswith(step):
            raise KeyboardInterrupt

    before = snapshot(opened.path.parent)
    with pytest.raises(KeyboardInterrupt):
        calibrate(opened, images, threads=1, say=interrupted)
    assert snapshot(opened.path.parent) == before


def test_a_read_only_bundle_is_refused_before_any_work(opened, images, monkeypatch):
    said = []
    monkeypatch.setattr(updating.os, "access", lambda path, mode: Path(path) != opened.path.parent.resolve())
    with pytest.raises(BundleError, match=r"small\.elpr: cannot be changed, because .* is read-only; copy the bundle"):
        calibrate(opened, images, threads=1, say=said.append)
    assert said == []
    monkeypatch.undo()
    check_changeable(opened)


def test_a_bundle_that_was_exported_anew_meanwhile_is_not_touched(opened, images):
    def export_again(message):
        if message.startswith("Checking"):
            update_bundle(opened, opened.manifest, {"weights.safetensors": b"new"})

    with pytest.raises(BundleError, match="changed while it was worked on"):
        calibrate(opened, images, method="min-max", threads=1, say=export_again)
    assert sorted(Bundle.open(opened.path).manifest.files) == ["fp32.onnx", "weights.safetensors"]


def test_images_for_another_network_are_refused(opened, images):
    other = replace(images, preprocessing=Preprocessing(height=24, width=94))
    with pytest.raises(UsageError, match="width=94.*this bundle takes.*width=160"):
        calibrate(opened, other, threads=1, say=quiet)


def with_graph(tmp_path, bundle, content, **changes):
    """The bundle with another content of its one graph."""
    graph = replace(bundle.graph("fp32"), **changes)
    manifest = replace(bundle.manifest, graphs=(graph,), approvals=())
    return write_bundle(tmp_path / "other.elpr", manifest, {graph.file: content})


def test_a_bundle_of_int8_alone_is_refused(report, tmp_path):
    graph = report.bundle.graph("int8")
    content = report.bundle.file(graph.file).read_bytes()
    bundle = with_graph(tmp_path, report.bundle, content, file="int8-cpu.onnx", precision="int8", made_for="cpu")
    with pytest.raises(CalibrationError, match=r"has no fp32 graph to calibrate, only others .int8-cpu\.onnx.; make"):
        open_float_graph(bundle)


def test_a_rounded_fp32_graph_is_refused(report, tmp_path):
    content = report.bundle.file("int8-cpu.onnx").read_bytes()
    with pytest.raises(CalibrationError, match="the fp32 graph is rounded already"):
        open_float_graph(with_graph(tmp_path, report.bundle, content))


def test_a_file_that_is_no_graph_is_refused(exported, tmp_path):
    with pytest.raises(CalibrationError, match=r"fp32\.onnx: is no ONNX file"):
        open_float_graph(with_graph(tmp_path, exported, b"\x0a\xffnot a graph"))


def test_nodes_without_names_are_refused(exported, tmp_path):
    model = onnx.load(exported.file("fp32.onnx"))
    model.graph.node[3].name = model.graph.node[4].name
    with pytest.raises(CalibrationError, match="nodes without a name of their own, so 'edgelpr export' did not write it"):
        open_float_graph(with_graph(tmp_path, exported, model.SerializeToString()))


def test_a_graph_without_convolutions_is_refused(exported, tiny_bundle, tmp_path):
    model = onnx.load(tiny_bundle.file("fp32.onnx"))
    for number, node in enumerate(model.graph.node):
        node.name = f"node {number}"
    with pytest.raises(CalibrationError, match="has no convolution that could be computed in INT8"):
        open_float_graph(with_graph(tmp_path, exported, model.SerializeToString()))


def test_records_of_another_model_are_refused(opened, report):
    record = report.record
    others = [
        (replace(record, graph_sha256="d" * 64), "belongs to another model"),
        (replace(record, preprocessing=Preprocessing(height=24, width=94).to_dict()), "belongs to other preprocessing"),
        (replace(record, ranges={file: {"other": Range(0, 1)} for file in record.ranges}), r"lacks \d+ of the \d+ tensors"),
        (replace(record, methods={"int8": "min-max"}, ranges={"int8": record.ranges["int8"]}), "no ranges for 'int8-cpu'"),
        (replace(record, kept={"int8": ("gone",)}), "keeps 'gone', which the graph does not have"),
    ]
    before = snapshot(opened.path.parent)
    for other, words in others:
        with pytest.raises(CalibrationError, match=f"^other.json: the calibration record .*{words}"):
            reuse_record(opened, other, (noise_crops(2),), where="other.json", threads=1, say=quiet)
    assert snapshot(opened.path.parent) == before


def test_a_bundle_that_was_never_calibrated_has_no_record(exported):
    with pytest.raises(CalibrationError, match=r"was never calibrated; run: edgelpr calibrate .*small\.elpr --images DIR"):
        read_record(exported)


def test_a_record_that_cannot_be_read_does_not_stop_a_new_one(calibrated, images):
    broken = update_bundle(calibrated, calibrated.manifest, {CALIBRATION: b"{}"})
    with pytest.raises(CalibrationError, match="no calibration record of edgelpr"):
        read_record(broken)
    assert read_record(calibrate(broken, images, method="min-max", threads=1, say=quiet).bundle).methods["int8"] == "min-max"


def test_calibration_needs_no_torch():
    code = "import sys, edgelpr.calibration.calibrating, edgelpr.calibration.caching; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_graph_that_returns_class_scores(tmp_path, images, monkeypatch):
    monkeypatch.setitem(hpa.ARCHITECTURES, SMALL.name, SMALL)
    options = ExportOptions(opset=17, rewrites=("native-fusion",), simplify=False)
    bundle = export_bundle(small_network(), tmp_path / "a.elpr", options, noise_crops(3), quiet).bundle
    report = calibrate(bundle, images, threads=1, say=quiet)
    assert report.bundle.graph("int8").rewrites == ("native-fusion",)
    assert report.bundle.graph("int8").multiply_adds == bundle.graph("fp32").multiply_adds
    assert "input" in report.record.ranges["int8"]


@pytest.mark.slow
def test_shipped_weights_lose_nearly_nothing(real_data, tmp_path):
    """On the parts that are meant for calibration; what is lost on others, ``edgelpr verify`` measures."""
    network = load_checkpoint(resolve_checkpoint("hpa-nano-cn"))
    sources = [CalibrationSource(real_data / name) for name in ("ccpd", "easypr")]
    found = load_calibration_images(sources, Preprocessing.of(network.plate_format))
    bundle = export_bundle(network, tmp_path / "nano.elpr", ExportOptions(), found.crops[:8].copy(), quiet).bundle
    report = calibrate(bundle, found, say=quiet)
    assert report.record.images.count == 118 and report.record.trials[0].held_out == 24
    for check in report.checks:
        assert check.difference.changed <= 1 and check.difference.mean_shift < 0.01
    sizes = {name: record.bytes for name, record in report.bundle.manifest.files.items()}
    assert sizes["int8-cpu.onnx"] < sizes["fp32.onnx"] / 3 and sizes["int8.onnx"] < sizes["fp32.onnx"] / 1.9
