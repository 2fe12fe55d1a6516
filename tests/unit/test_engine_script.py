"""The folder for boards that cannot run this package, its script run with a stand-in for trtexec."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace

import pytest

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.writing import write_bundle
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.script import SCRIPT, write_script
from edgelpr.engines.trtexec import parse_version
from edgelpr.errors import BuildError, BundleError, UsageError

FAKE = """#!/usr/bin/env python3
import json, pathlib, sys
pathlib.Path(__file__).with_name("said.json").write_text(json.dumps(sys.argv[1:]))
for word in sys.argv:
    if word.startswith("--saveEngine="):
        pathlib.Path(word.partition("=")[2]).write_text("engine")
sys.exit(3 if "--fail" in sys.argv else 0)
"""
SIZED = BuildOptions(batches=(1, 2, 8), workspace_bytes=256 << 20)


@pytest.fixture
def trtexec(tmp_path):
    path = tmp_path / "board tools" / "trtexec"
    path.parent.mkdir()
    path.write_text(FAKE, encoding="utf-8")
    path.chmod(0o755)
    return path


def run(folder, trtexec, *more):
    environment = os.environ | {"TRTEXEC": str(trtexec)}
    subprocess.run(["bash", "-n", folder / SCRIPT], check=True)
    return subprocess.run(["sh", folder / SCRIPT, *more], env=environment, capture_output=True, text=True, check=False)


def said(trtexec):
    return json.loads(trtexec.with_name("said.json").read_text())


def test_the_script_builds_with_the_arguments_of_8_5(tiny_bundle, tmp_path, trtexec):
    folder = tmp_path / "for the board"
    files = write_script(tiny_bundle, "fp32", SIZED, folder)
    assert sorted(path.name for path in files) == sorted(path.name for path in folder.iterdir())
    done = run(folder, trtexec, "--verbose")
    assert done.returncode == 0, done.stderr
    assert said(trtexec) == [
        *("--onnx=fp32.onnx", "--noTF32", "--minShapes=crops:1x50x160", "--optShapes=crops:2x50x160"),
        *("--maxShapes=crops:8x50x160", "--memPoolSize=workspace:256", "--timingCacheFile=timing.cache", "--buildOnly"),
        *("--saveEngine=tiny-fp32.engine.partial", "--verbose"),
    ]
    assert (folder / "tiny-fp32.engine").read_text() == "engine" and not list(folder.glob("*.partial"))
    assert (folder / "README.md").read_text(encoding="utf-8").count("\n") == 3


def test_a_build_that_fails_leaves_no_engine(tiny_bundle, tmp_path, trtexec):
    write_script(tiny_bundle, "fp32", SIZED, tmp_path / "x")
    assert run(tmp_path / "x", trtexec, "--fail").returncode == 3
    assert not list((tmp_path / "x").glob("*.engine*"))


def test_a_graph_that_was_altered_is_not_built(tiny_bundle, tmp_path, trtexec):
    write_script(tiny_bundle, "fp32", SIZED, tmp_path / "x")
    with (tmp_path / "x" / "fp32.onnx").open("ab") as file:
        file.write(b" ")
    done = run(tmp_path / "x", trtexec)
    assert done.returncode != 0 and "FAILED" in done.stdout
    assert not trtexec.with_name("said.json").exists()


def test_a_board_without_trtexec_says_so(tiny_bundle, tmp_path):
    write_script(tiny_bundle, "fp32", SIZED, tmp_path / "x")
    done = run(tmp_path / "x", tmp_path / "absent")
    assert done.returncode == 1 and "trtexec was not found" in done.stderr


def other(make_bundle, tmp_path, name="tiny", decode=True, **changes):
    """A bundle whose one graph differs in its manifest."""
    made = make_bundle(tmp_path / "made.elpr", decode=decode)
    graph = made.manifest.graphs[0]
    manifest = replace(made.manifest, name=name, graphs=(replace(graph, **changes),), files={})
    content = made.file("fp32.onnx").read_bytes()
    return write_bundle(tmp_path / "other.elpr", manifest, {replace(graph, **changes).file: content})


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ("8.2", ["--workspace=256", "--fp16", "--buildOnly"], "--memPoolSize"),
        ("8.6.2", ["--memPoolSize=workspace:256", "--fp16", "--skipInference"], "--stronglyTyped"),
        ("10.3", ["--stronglyTyped", "--skipInference"], "--fp16"),
    ],
)
def test_arguments_follow_the_version(make_bundle, tmp_path, trtexec, version, present, absent):
    bundle = other(make_bundle, tmp_path, decode=False, opset=13, precision="fp16")
    write_script(bundle, "fp16", SIZED, tmp_path / "x", version)
    assert run(tmp_path / "x", trtexec).returncode == 0
    words = said(trtexec)
    assert set(present) <= set(words) and not any(word.startswith(absent) for word in words)


def test_int8_on_a_dla_takes_the_ranges_and_the_fp32_graph(make_bundle, tmp_path, trtexec):
    bundle = other(make_bundle, tmp_path, decode=False)
    options = BuildOptions(batches=(1, 1, 1), dla_core=1)
    write_script(bundle, "int8", options, tmp_path / "x", "8.6", b"TRT-8602-EntropyCalibration2\n")
    assert run(tmp_path / "x", trtexec).returncode == 0
    expected = {"--int8", "--fp16", "--calib=calibration.cache", "--useDLACore=1", "--allowGPUFallback", "--onnx=fp32.onnx"}
    assert expected <= set(said(trtexec))


@pytest.mark.parametrize(
    ("options", "calibration", "words"),
    [
        (BuildOptions(batches=(1, 1, 1), dla_core=0), None, "--tensorrt-cache"),
        (BuildOptions(), b"x", "only that"),
        (BuildOptions(dla_core=0), b"x", "one batch size"),
    ],
)
def test_a_dla_wants_ranges_and_one_batch(tiny_bundle, tmp_path, options, calibration, words):
    with pytest.raises(UsageError, match=words):
        write_script(tiny_bundle, "int8", options, tmp_path / "x", "8.6", calibration)
    assert not (tmp_path / "x").exists()


def test_a_graph_too_new_is_refused_with_the_export_that_fits(make_bundle, tmp_path):
    bundle = other(make_bundle, tmp_path, opset=20)
    with pytest.raises(BuildError, match=r"opset 20; TensorRT 8.5 reads 17 .*--opset 17$"):
        write_script(bundle, "fp32", SIZED, tmp_path / "x")
    with pytest.raises(BuildError, match=r"13 at most.*--opset 13 --no-rewrite decode$"):
        write_script(bundle, "fp32", SIZED, tmp_path / "x", "8.2")


def test_bytes_are_refused_where_only_floats_go_in(make_bundle, tmp_path):
    with pytest.raises(BuildError, match=r"TensorRT 8.2 takes float32 only.*--no-rewrite decode"):
        write_script(other(make_bundle, tmp_path, opset=13), "fp32", SIZED, tmp_path / "x", "8.2")
    options = BuildOptions(batches=(1, 1, 1), dla_core=0)
    with pytest.raises(BuildError, match="a DLA takes float32 only"):
        write_script(Bundle.open(tmp_path / "other.elpr"), "fp32", options, tmp_path / "x", "8.6")


@pytest.mark.parametrize("version", ["7.1", "8.0", "11.4", "eight", "8", "8.5; rm"])
def test_versions_without_scripts(version):
    with pytest.raises(UsageError):
        parse_version(version)


@pytest.mark.parametrize("change", [{"level": 5}, {"version_compatible": True}, {"targets": ("sm86",)}])
def test_options_that_such_boards_do_not_have(tiny_bundle, tmp_path, change):
    with pytest.raises(UsageError, match="leave"):
        write_script(tiny_bundle, "fp32", replace(SIZED, **change), tmp_path / "x")


def test_names_from_a_manifest_cannot_reach_the_shell(make_bundle, tmp_path, trtexec):
    evil = "$(touch owned)`touch owned`'; touch owned #\n../.."
    bundle = other(make_bundle, tmp_path, name=evil, input_name="a'$(touch owned) b")
    write_script(bundle, "fp32", SIZED, tmp_path / "x")
    done = run(tmp_path / "x", trtexec)
    assert done.returncode == 0, done.stderr
    assert "--minShapes=a'$(touch owned) b:1x50x160" in said(trtexec)
    assert not list(tmp_path.rglob("owned")) and len(list((tmp_path / "x").glob("*.engine"))) == 1


def test_an_existing_folder_and_an_absent_precision_are_refused(tiny_bundle, tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(BuildError, match="exists already"):
        write_script(tiny_bundle, "fp32", SIZED, tmp_path / "x")
    with pytest.raises(BundleError, match="no int8 graph"):
        write_script(tiny_bundle, "int8", SIZED, tmp_path / "y")
    with pytest.raises(BuildError, match="cannot be written"):
        write_script(tiny_bundle, "fp32", SIZED, tmp_path / "absent" / "y")
    assert not (tmp_path / "y").exists() and not list(tmp_path.glob(".*"))
