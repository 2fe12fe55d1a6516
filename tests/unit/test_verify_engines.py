"""An engine is verified as it was built: the board's command sequence, and what no longer holds after another build."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import replace

import pytest
from doubles.building import Bench
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt
from sample_engines import install, machinery_of
from sample_reduced import calibrated, labelled_as_read, spoil_tensor
from test_cli_verify import write_labels

from edgelpr.benchmarks.verifying.verifying import Plan
from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.main import run
from edgelpr.cli.verify_job import Labels, command_again
from edgelpr.engines import ensuring
from edgelpr.engines.storing import StoredEngine, engines_of
from edgelpr.runtime import foreseeing
from edgelpr.runtime.approving import verify_command
from edgelpr.runtime.executing import opening
from edgelpr.runtime.executing.use import EngineUse

pytest.importorskip("onnx")

ALLOWED = ("--max-loss", "15", "--least-plates", "40", "--no-timing")
"""Rounding costs a network this small some plates."""


class Kept(FakeCuda):
    """A GPU that is opened by several engines at once, as a primary context is."""

    def close(self) -> None:
        """The next opening finds it as it is."""


class Board:
    """A machine with a GPU and TensorRT, both stand-ins."""

    def __init__(self, monkeypatch) -> None:
        self.monkeypatch = monkeypatch
        monkeypatch.setattr("edgelpr.engines.modules.installed_backends", lambda: ("tensorrt",))
        self.become()

    def become(self, version: str = "10.3.0", multiprocessors: int = 8, board: str | None = "Jetson Orin Nano") -> None:
        """Turn into another machine."""
        self.cuda, self.bench = Kept(multiprocessors=multiprocessors), Bench()
        self.module = executing_tensorrt(version, self.cuda, self.bench)
        install(self.monkeypatch, machinery_of(self.module, self.cuda, board=board))


@pytest.fixture
def board(monkeypatch):
    return Board(monkeypatch)


@pytest.fixture
def made(tiny_manifest, tmp_path):
    """Path of a calibrated bundle, of labels that fp32 reads right, and of a crop."""
    bundle = calibrated(tmp_path / "small.elpr", tiny_manifest(maps=False))
    (tmp_path / "crops").mkdir()
    plates = labelled_as_read(bundle, tmp_path / "crops")
    return bundle.path, write_labels(tmp_path / "labels.csv", plates), plates[0].path


def read(path, crop, *more: str) -> int:
    return run(["read", str(path), str(crop), "--backend", "tensorrt", "--precision", "int8", *more])


def verified(made, capsys) -> str:
    """Build int8 and verify it by the command that is named next; what that command says."""
    path, labels, _ = made
    assert run(["build", str(path), "--precision", "int8"]) == 0
    named = capsys.readouterr().err.split("Next: ")[1].splitlines()[0].replace("labels.csv", str(labels))
    assert run([*shlex.split(named)[1:], *ALLOWED]) == 0
    return capsys.readouterr().err


def test_what_each_command_names_next_works(made, board, capsys):
    path, _, crop = made
    assert read(path, crop) == 1
    assert (
        f"Run: edgelpr verify {path} --data LABELS.csv --backend tensorrt --precision int8 --build" in capsys.readouterr().err
    )
    said = verified(made, capsys)
    assert "int8 approved on tensorrt" in said
    assert f"Next: edgelpr read {path} --precision int8 --backend tensorrt IMAGE..." in said
    assert sorted(engine.record.precision for engine in engines_of(Bundle.open(path))) == ["fp32", "int8"]
    (verdict,) = Bundle.open(path).manifest.approvals
    assert verdict.device == "Orin (nvgpu) (8 SMs), TensorRT 10.3.0"
    assert verdict.engine_sha256 in {engine.record.plan_sha256 for engine in engines_of(Bundle.open(path))}
    assert read(path, crop) == 0
    assert run(["inspect", str(path)]) == 0
    assert f"TensorRT 10.3.0, engine {verdict.engine_sha256[:12]}: approved" in capsys.readouterr().out
    assert board.cuda.leaks() == ()


def test_without_build_verify_says_what_is_missing(made, board, capsys):
    path, labels, _ = made
    assert run(["build", str(path), "--precision", "int8"]) == 0
    assert run(["verify", str(path), "--data", str(labels), "--backend", "tensorrt", *ALLOWED]) == 1
    assert "has no fp32 engine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ({"version": "10.16.1.11"}, "version: built for TensorRT 10.3.0, here TensorRT 10.16.1.11"),
        ({"multiprocessors": 16}, "(sm87, Jetson Orin Nano, 8 SMs), here Orin (nvgpu) (sm87, Jetson Orin Nano, 16 SMs)"),
        ({"board": "Jetson AGX Orin"}, "here Orin (nvgpu) (sm87, Jetson AGX Orin, 8 SMs)"),
    ],
)
def test_another_board_or_version_takes_neither_engine_nor_approval(made, board, capsys, machine, words):
    path, _, crop = made
    verified(made, capsys)
    board.become(**machine)
    assert read(path, crop) == 1
    assert words in capsys.readouterr().err
    assert read(path, crop, "--build") == 1
    said = capsys.readouterr().err
    assert "one that is built now is verified nowhere" in said and "--precision int8 --build" in said
    assert board.bench.builds == []  # minutes, for nothing


def test_another_build_is_verified_anew(made, board, capsys):
    path, labels, crop = made
    verified(made, capsys)
    assert run(["build", str(path), "--precision", "int8", "--level", "5"]) == 0
    capsys.readouterr()
    remove(of_precision(path, "int8", level=None))
    assert read(path, crop) == 1
    assert "it was verified with another engine" in capsys.readouterr().err
    verify = ["verify", str(path), "--data", str(labels), "--backend", "tensorrt", "--precision", "int8"]
    assert run([*verify, *ALLOWED]) == 0
    assert read(path, crop) == 0
    assert len(Bundle.open(path).manifest.approvals) == 2


def of_precision(path, precision: str, **options) -> StoredEngine:
    """The engine of a precision that was built with such options."""
    found = [
        engine
        for engine in engines_of(Bundle.open(path))
        if engine.record.precision == precision
        and all(getattr(engine.record.options, name) == value for name, value in options.items())
    ]
    (stored,) = found
    return stored


def remove(stored: StoredEngine) -> None:
    stored.path.unlink()
    stored.path.with_suffix(".json").unlink()


@pytest.mark.parametrize("backend", ["tensorrt", "auto"])
@pytest.mark.parametrize("more", [[], ["--build"]])
def test_of_several_the_approved_one_reads_although_another_is_newer(made, board, capsys, monkeypatch, backend, more):
    path, _, crop = made
    verified(made, capsys)
    approved = of_precision(path, "int8")
    assert run(["build", str(path), "--precision", "int8", "--level", "5"]) == 0
    newer = of_precision(path, "int8", level=5)
    capsys.readouterr()
    searched = []
    for module in (foreseeing, opening, ensuring):
        search = module.find_engines
        monkeypatch.setattr(
            module, "find_engines", lambda *asked, search=search, **more: searched.append(1) or search(*asked, **more)
        )
    assert read(path, crop, "--backend", backend, *more) == 0
    words = f"{newer.path.name} is not approved; {approved.path.name} is, and reads in its place"
    assert capsys.readouterr().err.count(words) == 1
    assert len(searched) == 1


def test_a_damaged_engine_does_not_read_because_it_was_approved(made, board, capsys):
    path, _, crop = made
    verified(made, capsys)
    approved = of_precision(path, "int8")
    approved.path.write_bytes(b"!" * approved.record.plan_bytes)
    board.bench.builds.clear()
    assert read(path, crop, "--build") == 1
    said = capsys.readouterr().err
    assert said.count("does not match the hash in its record; it is not used") == 1
    assert "one that is built now is verified nowhere" in said and board.bench.builds == []
    assert run(["build", str(path), "--precision", "int8", "--level", "5"]) == 0
    capsys.readouterr()
    assert read(path, crop, "--build") == 1
    assert "it was verified with another engine" in capsys.readouterr().err


def on_dla(stored: StoredEngine) -> StoredEngine:
    """The newest engine: the same, on a DLA; another plan, as it would be."""
    plan = stored.path.read_bytes()
    plan = plan.replace(b"\n", b" \n", 1)  # after the facts of the stand-in
    options = replace(stored.record.options, dla_core=0)
    facts = {"plan_sha256": hashlib.sha256(plan).hexdigest(), "plan_bytes": len(plan), "built": "2099-01-01T00:00:00Z"}
    other = StoredEngine(stored.path.with_name("other.plan"), replace(stored.record, options=options, **facts))
    other.path.write_bytes(plan)
    other.path.with_suffix(".json").write_bytes(other.record.to_json())
    return other


def test_an_engine_on_a_dla_is_verified_and_read_where_it_is_asked_for(made, board, capsys):
    path, labels, crop = made
    verified(made, capsys)
    other = on_dla(of_precision(path, "int8"))
    assert read(path, crop, "--dla", "0") == 1
    said = capsys.readouterr().err
    assert "TensorRT 10.3.0, DLA 0" in said
    named = said.split("Verify it here: ")[1].split("; or ")[0].replace("LABELS.csv", str(labels))
    assert named.endswith("--backend tensorrt --precision int8 --dla 0 --build")
    assert run([*shlex.split(named)[1:], *ALLOWED]) == 0
    assert f"Next: edgelpr read {path} --precision int8 --backend tensorrt --dla 0 IMAGE..." in capsys.readouterr().err
    assert {verdict.engine_sha256 for verdict in Bundle.open(path).manifest.approvals} >= {other.record.plan_sha256}
    assert read(path, crop, "--dla", "0") == 0
    assert "tensorrt 10.3.0 Orin (nvgpu) with DLA 0" in capsys.readouterr().err
    assert set(board.module._dla_cores) == {0}
    assert read(path, crop, "--dla", "0", "--backend", "auto") == 0
    assert "with DLA 0, as asked for" in capsys.readouterr().err
    assert read(path, crop) == 0
    assert "DLA" not in capsys.readouterr().err


def test_bench_times_the_engine_on_the_dla_that_is_asked_for(made, board, monkeypatch, capsys):
    path, labels, _ = made
    assert run(["build", str(path), "--precision", "int8"]) == 0
    other, cold = on_dla(of_precision(path, "int8")), []
    start = {"importing": 1_000_000, "opening": 1_000_000, "first_reading": 1_000_000}
    monkeypatch.setattr("edgelpr.benchmarks.bench.cold._start", lambda values: cold.append(values) or start)
    words = ["bench", str(path), "--images", str(labels.parent / "crops"), "--backend", "tensorrt", "--precision", "int8"]
    words += ["--duration", "0.05", "--scenario", "single-stream", "--scenario", "cold-start", "--json"]
    for dla in (None, 0):
        capsys.readouterr()
        assert run([*words, *(() if dla is None else ("--dla", str(dla)))]) == 0
        engines = {each["model"]["engine_sha256"] for each in json.loads(capsys.readouterr().out)["runs"]}
        assert (engines == {other.record.plan_sha256}) is (dla == 0)
        assert cold[-1]["dla"] == dla


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--dla", "1"], "DLA: built for the GPU alone, here core 1 is asked for"),
        (["--dla", "0", "--precision", "fp32"], "a DLA computes in fp16 and int8 only"),
        (["--dla", "0", "--backend", "onnxruntime", "--precision", "fp32"], "a GPU or a DLA are for"),
    ],
)
def test_a_dla_that_cannot_be_had_is_said(made, board, capsys, more, words):
    path, _, crop = made
    verified(made, capsys)
    assert read(path, crop, *more) != 0
    assert words in capsys.readouterr().err


def test_an_engine_on_a_dla_does_not_take_over(made, board, capsys):
    path, _, crop = made
    verified(made, capsys)
    stored = of_precision(path, "int8")
    on_dla(stored)
    assert read(path, crop) == 0  # the newest, and yet not taken
    assert "DLA" not in capsys.readouterr().err
    remove(stored)
    assert read(path, crop) == 1
    assert "here it runs on Orin (nvgpu) (8 SMs), TensorRT 10.3.0, DLA 0" in capsys.readouterr().err
    assert read(path, crop, "--allow-unapproved", "--backend", "auto") == 0
    said = capsys.readouterr().err
    assert "with DLA 0, as there is no engine for the GPU alone" in said and "tensorrt 10.3.0 Orin (nvgpu) with DLA 0" in said


def test_why_auto_took_the_processor_is_said_where_that_fails(made, board, capsys):
    path, _, crop = made
    assert read(path, crop, "--backend", "auto") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Chose onnxruntime: it needs neither a GPU nor an engine"
    assert lines[1].startswith(f"Not tensorrt: {path}: has no int8 engine")
    assert "never verified on onnxruntime" in lines[-1]


def test_what_an_engine_loses_names_no_search_that_cannot_run(tiny_manifest, tmp_path, board, capsys):
    bundle = calibrated(tmp_path / "small.elpr", tiny_manifest(maps=False), spoil_tensor)
    (tmp_path / "crops").mkdir()
    plates = labelled_as_read(bundle, tmp_path / "crops")
    labels = write_labels(tmp_path / "labels.csv", plates)
    verify = ["verify", str(bundle.path), "--data", str(labels), "--backend", "tensorrt", "--precision", "int8", "--build"]
    assert run([*verify, *ALLOWED]) == 1
    out, err = capsys.readouterr()
    assert "15 points are allowed: do not use it." in out and "--bisect" not in out + err
    assert f"Next: edgelpr read {bundle.path} --precision fp32 --backend tensorrt IMAGE..." in err
    assert read(bundle.path, plates[0].path) == 1
    said = capsys.readouterr().err
    assert "Choose another precision" in said and "--bisect" not in said
    assert run([*verify, "--bisect"]) == 2
    assert "--bisect reads with onnxruntime" in capsys.readouterr().err


def test_the_gpu_is_named_in_what_comes_next(made, board, capsys):
    path, labels, _ = made
    verify = ["verify", str(path), "--data", str(labels), "--backend", "tensorrt", "--device", "1"]
    assert run([*verify, "--build", *ALLOWED]) == 1
    assert "there is no GPU number 1" in capsys.readouterr().err
    plan = Plan("tensorrt", build=True, device=1)
    again = command_again(path, Labels(labels), plan, ["int8"])
    assert again == shlex.join([*["edgelpr", *verify], "--build", "--precision", "int8"])


def test_the_command_that_verifies_names_how_it_was_opened(made, board, capsys):
    path, _, crop = made
    use = EngineUse(build=True, device=1, trust_engines=True, dla=0)
    more = "--device 1 --dla 0 --trust-engines"
    named = f"edgelpr verify {path} --data LABELS.csv --backend tensorrt --precision int8 {more} --build"
    assert verify_command(Bundle.open(path), "tensorrt", "int8", use=use) == named
    assert more not in verify_command(Bundle.open(path), "onnxruntime", "int8", use=use)
    assert read(path, crop, *shlex.split(more)) == 1
    assert named in capsys.readouterr().err  # before the driver is asked, and so before it says that there is no such GPU
    verified(made, capsys)
    remove(of_precision(path, "int8"))
    assert read(path, crop, "--trust-engines", "--build") == 1
    assert f"Build and verify it: {named.replace(more, '--trust-engines')}" in capsys.readouterr().err
