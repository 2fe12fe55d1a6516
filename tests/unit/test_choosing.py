"""The backend ``auto``: what it takes, what it says, and that a backend which was named is never left."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import cv2
import pytest
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt, living
from doubles.surfaces import RTX
from sample_engines import install, machinery_of, plan_of, store

from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.main import run
from edgelpr.engines import ensuring
from edgelpr.errors import ApprovalError, EngineError
from edgelpr.runtime import foreseeing
from edgelpr.runtime.choosing import choose
from edgelpr.runtime.executing import opening
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.runtime.recognizer import Recognizer

pytest.importorskip("onnxruntime")


@pytest.fixture
def opened(bundle):
    return Bundle.open(bundle)


def machinery(version: str = "10.3.0", problem: str | None = None):
    cuda = FakeCuda()
    return machinery_of(executing_tensorrt(version, cuda), cuda, problem)


def reasons(choice) -> dict[str, str]:
    return {each.backend: each.reason for each in choice.rejected}


@pytest.mark.parametrize(("version", "backend"), [("10.3.0", "tensorrt"), (RTX, "tensorrt-rtx")])
def test_an_engine_that_fits_is_taken(opened, version, backend):
    store(opened, plan_of(opened, version), version)
    choice = choose(opened, "fp32", machinery=machinery(version))
    assert choice.backend == backend
    assert "fits TensorRT" in choice.reason and "on Orin (nvgpu) (sm87, 8 SMs)" in choice.reason
    assert reasons(choice) == ({} if backend == "tensorrt" else {"tensorrt": "the backend tensorrt is not installed"})


def test_nothing_is_loaded_to_choose(opened):
    store(opened, b"no plan at all")
    parts = machinery()
    assert choose(opened, "fp32", machinery=parts).backend == "tensorrt"
    assert living(parts.load_module("tensorrt")) == []


def test_without_a_driver_the_processor_reads(opened):
    store(opened, plan_of(opened, "10.3.0"))
    choice = choose(opened, "fp32", machinery=machinery(problem="no NVIDIA driver"))
    assert choice.backend == "onnxruntime"
    assert reasons(choice) == {"tensorrt": "no NVIDIA driver", "tensorrt-rtx": "no NVIDIA driver"}
    assert choice.lines == (
        "Chose onnxruntime: it needs neither a GPU nor an engine",
        "Not tensorrt and tensorrt-rtx: no NVIDIA driver",
    )


def test_without_an_engine_it_says_how_to_build_one(opened):
    choice = choose(opened, "fp32", machinery=machinery())
    assert choice.backend == "onnxruntime"
    assert "Build one: edgelpr build" in reasons(choice)["tensorrt"]


def test_an_engine_that_will_be_built_counts(opened):
    choice = choose(opened, "fp32", EngineUse(build=True), machinery=machinery())
    assert (choice.backend, choice.reason) == ("tensorrt", "an engine will be built for Orin (nvgpu) (sm87, 8 SMs)")


def test_a_precision_that_is_not_approved_there_is_not_taken(opened, monkeypatch):
    manifest = opened.manifest
    opened = Bundle(opened.path, replace(manifest, graphs=(*manifest.graphs, replace(manifest.graphs[0], precision="fp16"))))
    stored, asked = store(opened, plan_of(opened, "10.3.0"), precision="fp16"), []

    def check_approved(bundle, precision, backend, device, engine, use):
        asked.append((precision, backend, device, engine))
        raise ApprovalError("never verified on tensorrt")

    monkeypatch.setattr(foreseeing, "check_approved", check_approved)
    choice = choose(opened, "fp16", machinery=machinery())
    assert (choice.backend, reasons(choice)["tensorrt"]) == ("onnxruntime", "never verified on tensorrt")
    assert asked == [("fp16", "tensorrt", "Orin (nvgpu) (8 SMs), TensorRT 10.3.0", stored.record.plan_sha256)]
    assert choose(opened, "fp16", allow_unapproved=True, machinery=machinery()).backend == "tensorrt"


def test_a_graph_that_is_not_there_is_no_reason_to_fail(opened):
    choice = choose(opened, "int8", machinery=machinery())
    assert choice.backend == "onnxruntime"
    assert "no int8 graph for tensorrt" in reasons(choice)["tensorrt"]


# The recogniser


@pytest.fixture
def on_machine(monkeypatch):
    """Makes ``Recognizer.open`` see stand-ins."""
    return partial(install, monkeypatch)


@pytest.mark.parametrize("build", [False, True])
def test_what_auto_found_is_not_looked_for_again(opened, on_machine, monkeypatch, build):
    stored, searched = store(opened, plan_of(opened, "10.3.0")), []
    for module in (foreseeing, opening, ensuring):
        search = module.find_engines
        monkeypatch.setattr(
            module, "find_engines", lambda *asked, search=search, **more: searched.append(1) or search(*asked, **more)
        )
    on_machine(machinery())
    with Recognizer.open(opened, backend="auto", build=build) as recognizer:
        assert recognizer.engine_sha256 == stored.record.plan_sha256
    assert len(searched) == 1 + build  # who builds reads the plan first


@pytest.mark.parametrize("backend", ["tensorrt", "auto"])
def test_a_damaged_engine_is_told_of_once_and_built_anew(opened, on_machine, paint, backend):
    stored, notes = store(opened, plan_of(opened, "10.3.0")), []
    stored.path.write_bytes(b"!" * stored.record.plan_bytes)
    on_machine(machinery())
    with Recognizer.open(opened, backend=backend, build=True, note=notes.append) as recognizer:
        assert recognizer.read(paint("12")).plate == "12"
    assert len([note for note in notes if "is damaged" in note]) == 1


def test_the_recogniser_names_what_auto_took(opened, on_machine, paint):
    store(opened, plan_of(opened, "10.3.0"))
    on_machine(machinery())
    with Recognizer.open(opened, backend="auto", threads=2) as recognizer:
        assert (recognizer.backend, recognizer.choice.backend) == ("tensorrt", "tensorrt")
        assert recognizer.read(paint("12")).plate == "12"
    on_machine(machinery(problem="no NVIDIA driver"))
    with Recognizer.open(opened, backend="auto", threads=2, build=True, device=3) as recognizer:
        assert (recognizer.backend, recognizer.choice.backend) == ("onnxruntime", "onnxruntime")
        assert recognizer.description.endswith("2 threads")
        assert recognizer.read(paint("12")).plate == "12"
    with Recognizer.open(opened) as recognizer:
        assert recognizer.choice is None


def test_a_named_backend_is_never_left(opened, on_machine):
    on_machine(machinery())
    with pytest.raises(EngineError, match="has no fp32 engine"):
        Recognizer.open(opened, backend="tensorrt")


def test_another_jetson_linux_is_said_where_somebody_listens(opened, on_machine):
    store(opened, plan_of(opened, "10.3.0"))
    cuda, notes = FakeCuda(), []
    on_machine(machinery_of(executing_tensorrt("10.3.0", cuda), cuda, l4t="R36.5.0"))
    with Recognizer.open(opened, backend="tensorrt", note=notes.append):
        assert notes == [
            "the engine was built under another system than a Jetson, here is R36.5.0; GPU and TensorRT agree, so it is used"
        ]


def test_an_engine_that_turns_out_to_be_unusable_is_an_error(opened, on_machine):
    store(opened, b"no plan at all")
    on_machine(machinery())
    with pytest.raises(EngineError, match="cannot load the plan"):
        Recognizer.open(opened, backend="auto")


# The command line


def test_reading_says_what_auto_took(opened, on_machine, paint, tmp_path, capsys):
    image = tmp_path / "crop.png"
    image.write_bytes(cv2.imencode(".png", paint("4711"))[1].tobytes())
    store(opened, plan_of(opened, "10.3.0"))
    arguments = ["read", str(opened.path), str(image), "--backend", "auto", "--json"]
    on_machine(machinery())
    assert run(arguments) == 0
    output = capsys.readouterr()
    assert (json.loads(output.out)["plate"], json.loads(output.out)["backend"]) == ("4711", "tensorrt")
    assert "Chose tensorrt: fp32-tensorrt-10.3.0-sm87-" in output.err
    on_machine(machinery(problem="no NVIDIA driver; install one"))
    assert run(arguments) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["backend"] == "onnxruntime"
    assert "Chose onnxruntime: it needs neither a GPU nor an engine" in output.err
    assert "Not tensorrt and tensorrt-rtx: no NVIDIA driver; install one" in output.err


def test_reading_builds_an_engine_when_told_to(opened, on_machine, paint, tmp_path, capsys):
    image = tmp_path / "crop.png"
    image.write_bytes(cv2.imencode(".png", paint("4711"))[1].tobytes())
    on_machine(machinery())
    arguments = ["read", str(opened.path), str(image), "--backend", "tensorrt"]
    assert run(arguments) == 1
    assert "has no fp32 engine" in capsys.readouterr().err
    assert run([*arguments, "--build"]) == 0
    output = capsys.readouterr()
    assert "4711" in output.out
    assert "Reading with tensorrt 10.3.0 Orin (nvgpu)" in output.err


def test_evaluating_says_what_auto_took(opened, on_machine, paint, tmp_path, capsys):
    (tmp_path / "crop.png").write_bytes(cv2.imencode(".png", paint("4711"))[1].tobytes())
    (tmp_path / "labels.csv").write_text("image,plate\ncrop.png,4711\n")
    on_machine(machinery())
    assert run(["eval", str(opened.path), str(tmp_path / "labels.csv"), "--backend", "auto", "--build", "--json"]) == 0
    output = capsys.readouterr()
    result = json.loads(output.out)
    assert (result["backend"], result["plate_accuracy"]) == ("tensorrt", 1.0)
    assert "Chose tensorrt: an engine will be built" in output.err


@pytest.mark.parametrize("option", [["--build"], ["--device", "1"]])
def test_options_for_engines_need_such_a_backend(opened, paint, tmp_path, capsys, option):
    image = tmp_path / "crop.png"
    image.write_bytes(cv2.imencode(".png", paint("1"))[1].tobytes())
    assert run(["read", str(opened.path), str(image), *option]) == 2
    assert "for tensorrt, tensorrt-rtx, not for 'onnxruntime'" in capsys.readouterr().err
