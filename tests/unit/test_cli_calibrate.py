"""`edgelpr calibrate` from the command line."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sample_crops import fill, picture
from sample_networks import SMALL, noise_crops, small_network

from edgelpr.bundle import updating
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.updating import update_bundle
from edgelpr.calibration import calibrating
from edgelpr.calibration.opening import read_record
from edgelpr.calibration.trt_cache import from_tensorrt_cache
from edgelpr.cli.main import run
from edgelpr.data.writing import write_image
from edgelpr.export.exporting import export_bundle
from edgelpr.export.options import REWRITES, ExportOptions
from edgelpr.models import hpa

FULL = OSError(errno.ENOSPC, "No space left on device")
FLOAT_INPUT = ("grey-fold", "native-fusion")
CACHE = ["--tensorrt-version", "8.6.1", "--tensorrt-cache"]


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """Exports the small network at opset 17, once for each choice of rewrites."""
    made = {}

    def bundle(rewrites=REWRITES):
        if rewrites not in made:
            folder = tmp_path_factory.mktemp("exported") / "small.elpr"
            options = ExportOptions(opset=17, rewrites=rewrites, simplify=False)
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(hpa.ARCHITECTURES, SMALL.name, SMALL)
                made[rewrites] = export_bundle(small_network(), folder, options, noise_crops(2), lambda _: None).bundle
        return made[rewrites]

    return bundle


@pytest.fixture
def bundle(export, tmp_path):
    return shutil.copytree(export().path, tmp_path / "bundles" / "small.elpr")


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """48 pictures, one of them twice, and a file that is none."""
    folder = fill(tmp_path_factory.mktemp("crops"), 48)
    shutil.copy(folder / "003.png", folder / "again.png")
    (folder / "broken.jpg").write_text("no image")
    return str(folder)


@pytest.fixture(scope="module")
def calibrated(export, crops, tmp_path_factory):
    """A calibrated bundle; not to be changed."""
    folder = shutil.copytree(export().path, tmp_path_factory.mktemp("calibrated") / "small.elpr")
    assert run(["calibrate", str(folder), "--images", crops, "--method", "min-max", "--threads", "1"]) == 0
    return folder


def calibrate(bundle, *arguments):
    return run(["calibrate", str(bundle), "--threads", "1", *map(str, arguments)])


def unchanged(bundle):
    assert sorted(path.name for path in bundle.parent.iterdir()) == [bundle.name]
    return sorted(Bundle.open(bundle).manifest.files) == ["fp32.onnx"]


def test_text_report(bundle, crops, capsys):
    assert calibrate(bundle, "--images", crops) == 0
    printed = capsys.readouterr()
    for expected in ("48 of 50 images", "left out: again.png", "broken.jpg", "held-out", "Warning: 48 images", "To do: add"):
        assert expected in printed.err
    for expected in ("Trials on 16 held-out images", "percentile", "taken", "fp16.onnx", "int8-cpu.onnx", "not approved yet"):
        assert expected in printed.out
    assert printed.out.count("  yes\n") == 2
    assert printed.err.endswith(f"Next: edgelpr verify {bundle} --data labels.csv\n")


def test_json_report(bundle, crops, capsys):
    assert calibrate(bundle, "--images", crops, "--method", "entropy", "--most", 32, "--seed", 5, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["methods"], report["trials"]) == ({"int8": "entropy", "int8-cpu": "entropy"}, [])
    assert (report["images"]["used"], report["images"]["seed"]) == (32, 5)
    assert [check["file"] for check in report["checks"]] == ["fp16.onnx", "int8.onnx", "int8-cpu.onnx"]
    assert set(report["files"]) == {"fp32.onnx", "fp16.onnx", "int8.onnx", "int8-cpu.onnx", "calibration.json"}
    assert report["warnings"][0]["kind"] == "few"
    assert set(report) == {"bundle", "reused", "methods", "trials", "checks", "files", "images", "warnings", "seconds"}


def test_labels_and_their_parts(bundle, tmp_path, capsys):
    fill(tmp_path / "set", 40)
    parts = ["test" if number < 8 else "train" for number in range(40)]
    lines = [f"{number:03}.png,1234,{part}" for number, part in enumerate(parts)]
    (tmp_path / "set" / "labels.csv").write_text("\n".join(["image,plate,split", *lines]))
    assert calibrate(bundle, "--images", tmp_path / "set", "--method", "min-max") == 0
    errors = capsys.readouterr().err
    assert "32 of 32 images" in errors and "held back for testing: 8 images of the part test" in errors
    assert calibrate(bundle, "--images", tmp_path / "set", "--split", "test") == 1
    assert "8 usable images of 8 found (set, test part); INT8 ranges need at least 32" in capsys.readouterr().err


def test_a_bar_for_each_step(bundle, crops, capsys, monkeypatch):
    monkeypatch.setattr("edgelpr.cli.progress.sys.stderr.isatty", lambda: True, raising=False)
    assert calibrate(bundle, "--images", crops) == 0
    errors = capsys.readouterr().err
    assert "Reading images" in errors and "96/96" in errors and "112/112" in errors


def test_a_record_makes_the_same_files_again(bundle, calibrated, capsys):
    assert calibrate(bundle, "--reuse", calibrated / "calibration.json") == 0
    printed = capsys.readouterr()
    assert "Ranges of int8 by min-max, int8-cpu by min-max, from 48 images of an earlier time" in printed.out
    assert "Readings of 32 crops" in printed.out and "Warning" not in printed.err
    assert Bundle.open(bundle).manifest.files == Bundle.open(calibrated).manifest.files


def test_a_record_is_checked_on_real_crops_where_they_are_given(bundle, calibrated, crops, capsys):
    assert calibrate(bundle, "--reuse", calibrated / "calibration.json", "--images", crops, "--most", 40, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["reused"] and report["images"]["used"] == 40
    assert read_record(Bundle.open(bundle)).images.count == 48


def test_a_record_of_another_model_is_refused(bundle, export, calibrated, tmp_path, capsys):
    other = shutil.copytree(export(FLOAT_INPUT).path, tmp_path / "other" / "small.elpr")
    record = calibrated / "calibration.json"
    assert calibrate(other, "--reuse", record) == 1
    errors = capsys.readouterr().err
    assert errors.startswith(f"Error: {record}: the calibration record belongs to another model: its graph has the hash ")
    assert unchanged(other)


def test_a_file_that_is_no_record_is_refused(bundle, tmp_path, capsys):
    assert calibrate(bundle, "--reuse", bundle / "manifest.json") == 1
    assert "manifest.json" in capsys.readouterr().err
    assert calibrate(bundle, "--reuse", tmp_path / "gone.json") == 1
    assert "gone.json: cannot be read (No such file or directory); expected the calibration.json" in capsys.readouterr().err


def test_a_tensorrt_cache(export, crops, tmp_path, capsys, monkeypatch):
    folder = shutil.copytree(export(FLOAT_INPUT).path, tmp_path / "bundles" / "small.elpr")
    assert calibrate(folder, *CACHE, tmp_path / "early.cache") == 1
    assert "was never calibrated; run: edgelpr calibrate" in capsys.readouterr().err
    assert calibrate(folder, "--images", crops, "--method", "min-max", *CACHE, tmp_path / "a.cache") == 0
    assert "for TensorRT 8.6.1: trtexec --calib=" in capsys.readouterr().err
    ranges = read_record(Bundle.open(folder)).ranges["int8"]
    content = (tmp_path / "a.cache").read_bytes()
    assert content.startswith(b"TRT-8601-EntropyCalibration2\n") and set(from_tensorrt_cache(content)) == set(ranges)
    assert calibrate(folder, *CACHE, tmp_path / "b.cache") == 0
    assert (tmp_path / "b.cache").read_bytes() == content
    monkeypatch.setattr(os, "fsync", full)
    assert calibrate(folder, *CACHE, tmp_path / "b.cache") == 1
    assert "b.cache: the cache could not be written (No space left on device)" in capsys.readouterr().err
    assert (tmp_path / "b.cache").read_bytes() == content
    assert not (tmp_path / "early.cache").exists()


def test_a_cache_of_a_record_of_another_graph_is_refused(export, calibrated, tmp_path, capsys):
    folder = shutil.copytree(export(FLOAT_INPUT).path, tmp_path / "bundles" / "small.elpr")
    opened = Bundle.open(folder)
    update_bundle(opened, opened.manifest, {"calibration.json": calibrated / "calibration.json"})
    assert calibrate(folder, *CACHE, tmp_path / "a.cache") == 1
    assert "belongs to another model" in capsys.readouterr().err


def test_a_cache_that_nothing_could_use_is_refused_before_any_work(bundle, crops, tmp_path, capsys):
    assert calibrate(bundle, "--images", crops, *CACHE, tmp_path / "a.cache") == 1
    assert "with '--no-rewrite decode --no-rewrite late-attention'" in capsys.readouterr().err
    assert calibrate(bundle, "--images", crops, "--tensorrt-version", "11.4.1", "--tensorrt-cache", tmp_path / "a") == 2
    assert "version 11 has no calibrators" in capsys.readouterr().err
    assert unchanged(bundle)


def test_a_cache_needs_a_folder(export, crops, tmp_path, capsys):
    folder = shutil.copytree(export(FLOAT_INPUT).path, tmp_path / "bundles" / "small.elpr")
    assert calibrate(folder, "--images", crops, *CACHE, tmp_path / "gone" / "a.cache") == 1
    assert "a.cache: its folder does not exist; create" in capsys.readouterr().err
    assert unchanged(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no calibration images: name a folder of real crops (--images DIR), or a record"),
        (["--images", "x", "--tensorrt-cache", "y"], "go together; give both or neither"),
        (["--images", "x", "--tensorrt-version", "8.6.1"], "go together; give both or neither"),
        (["--images", "x", "--reuse", "y", "--method", "entropy"], "--method is about measuring on images"),
        (["--reuse", "y", "--split", "test"], "--split is about measuring on images"),
        (["--reuse", "y", "--format", "ccpd"], "--format is about measuring on images"),
        (["--images", "x", "--most", "31"], "31 is not in the range x>=32"),
        (["--images", "x", "--method", "best"], "'best' is not one of 'auto'"),
    ],
)
def test_wrong_usage(bundle, capsys, arguments, message):
    assert calibrate(bundle, *arguments) == 2
    assert message in capsys.readouterr().err


def test_too_few_images(bundle, tmp_path, capsys):
    few = fill(tmp_path / "few", 31)
    assert calibrate(bundle, "--images", few) == 1
    errors = capsys.readouterr().err
    assert "31 usable images of 31 found" in errors and "noise is no substitute" in errors
    assert unchanged(bundle)


def test_no_images(bundle, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert calibrate(bundle, "--images", empty) == 1
    assert "is empty; expected crops of real plates" in capsys.readouterr().err
    assert calibrate(bundle, "--images", empty / "gone") == 1
    assert "gone: no such file or folder; expected a folder of plate crops" in capsys.readouterr().err
    write_image(empty / "one.png", picture(0))
    assert calibrate(bundle, "--images", empty / "one.png") == 1
    assert "a single image; expected a folder" in capsys.readouterr().err


def test_a_bundle_of_int8_alone(calibrated, crops, tmp_path, capsys):
    folder = shutil.copytree(calibrated, tmp_path / "small.elpr")
    opened = Bundle.open(folder)
    graphs = tuple(graph for graph in opened.manifest.graphs if graph.precision == "int8")
    update_bundle(opened, replace(opened.manifest, graphs=graphs), {}, ["fp32.onnx", "fp16.onnx"])
    assert calibrate(folder, "--images", crops) == 1
    assert "has no fp32 graph to calibrate, only others (int8.onnx, int8-cpu.onnx)" in capsys.readouterr().err


def test_a_read_only_bundle(bundle, crops, capsys, monkeypatch):
    monkeypatch.setattr(updating.os, "access", lambda path, mode: not (mode & os.W_OK and Path(path) == bundle))
    assert calibrate(bundle, "--images", crops) == 1
    assert "small.elpr: cannot be changed, because" in capsys.readouterr().err
    assert unchanged(bundle)


def full(*_):
    raise FULL


def test_a_full_disk(bundle, crops, capsys, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    assert calibrate(bundle, "--images", crops, "--method", "min-max") == 1
    assert "could not be changed (No space left on device) and was left whole" in capsys.readouterr().err
    assert unchanged(bundle)


def test_ctrl_c(bundle, crops, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(calibrating, "observe_growing", interrupted)
    assert calibrate(bundle, "--images", crops) == 130
    assert capsys.readouterr().err.endswith("Interrupted\n")
    assert unchanged(bundle)


def test_a_missing_package_names_the_extra(bundle, crops, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert calibrate(bundle, "--images", crops) == 1
    assert "calibrating needs the package 'onnxruntime'" in capsys.readouterr().err
