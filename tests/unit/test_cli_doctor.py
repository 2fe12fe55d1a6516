"""`edgelpr doctor`, as a user runs it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from boards.recorded import BOARDS
from boards.surroundings import NO_DRIVER, ORIN, surroundings
from boards.trees import write_tree
from sample_approvals import approval_of
from sample_stored import store
from sample_tracks import small_bundle

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import record_approvals, withdraw_approvals
from edgelpr.bundle.updating import update_bundle
from edgelpr.cli.main import run
from edgelpr.doctor.trying import Trial
from edgelpr.engines.identity import device_name
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.target import Target


@pytest.fixture
def on(monkeypatch, tmp_path):
    """Puts the command onto a recorded machine."""

    def on(name: str, **changes) -> None:
        here = surroundings(tmp_path, name, **changes)
        monkeypatch.setattr("edgelpr.doctor.surroundings.survey", lambda root: here)

    return on


def test_a_well_set_up_board(on, capsys):
    on("orin-nano-6.0")
    assert run(["doctor"]) == 0
    printed = capsys.readouterr()
    assert "L4T 36.3.0 (JetPack 6.0)" in printed.out
    assert "clocks: Run after every start, and after nvpmodel: sudo jetson_clocks" in printed.out
    assert "0 errors, 1 warning\n" in printed.err
    assert "Next: edgelpr read BUNDLE IMAGE..." in printed.err


def test_an_error_is_exit_code_1(on, capsys):
    on("orin-nano-6.2", tensorrt=Trial(problem="ImportError: libnvinfer.so.10: cannot open shared object file"))
    assert run(["doctor"]) == 1
    assert "ERROR" in capsys.readouterr().out


def test_what_json_promises(on, capsys):
    on("nano-4.6.1")
    assert run(["doctor", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["checks"]
    assert all(list(check) == ["name", "status", "found", "remedy"] for check in answer["checks"])
    assert {check["status"] for check in answer["checks"]} <= {"ok", "warning", "error", "skipped"}


def test_with_a_bundle_the_precisions_and_the_next_step(on, capsys, tiny_bundle):
    on("orin-nano-6.1")
    assert run(["doctor", str(tiny_bundle.path)]) == 0
    printed = capsys.readouterr()
    assert "onnxruntime reads with fp32" in printed.out
    assert "tensorrt reads with fp32" in printed.out
    assert f"edgelpr build {tiny_bundle.path} --precision fp32" in printed.err


def test_with_a_bundle_and_no_gpu(on, capsys, tiny_bundle):
    on("desktop-without-driver", probe=NO_DRIVER)
    assert run(["doctor", str(tiny_bundle.path), "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["bundle-gpu"]["status"] == "skipped"
    assert checks["engines"]["found"] == "none built so far; none can be run here"


def test_for_a_bundle_that_reads_tracks_an_engine_is_proposed(on, capsys, tmp_path):
    on("orin-nano-6.2")
    tracks = small_bundle(tmp_path)
    assert run(["doctor", str(tracks.path)]) == 0
    printed = capsys.readouterr()
    assert "onnxruntime reads with fp32" in printed.out and "tensorrt reads with fp32" in printed.out
    assert f"Next: edgelpr build {tracks.path} --precision fp32" in printed.err


def test_for_a_bundle_that_reads_tracks_and_no_gpu_the_next_step_is_to_read(on, capsys, tmp_path):
    on("desktop-without-driver", probe=NO_DRIVER)
    tracks = small_bundle(tmp_path)
    assert run(["doctor", str(tracks.path)]) == 0
    assert f"Next: edgelpr track {tracks.path} FRAMES..." in capsys.readouterr().err


def test_a_damaged_bundle_is_a_finding(on, capsys, bundle):
    on("orin-nano-6.1")
    (bundle / "fp32.onnx").write_bytes(b"cut")
    assert run(["doctor", str(bundle)]) == 1
    assert "was altered or cut short" in capsys.readouterr().out


def test_an_unapproved_precision_is_told_with_its_remedy(on, capsys, make_bundle, tmp_path):
    path = make_bundle(tmp_path / "two.elpr").path
    opened = Bundle.open(path)
    graph = replace(opened.manifest.graphs[0], file="fp16.onnx", precision="fp16")
    content = opened.file(opened.manifest.graphs[0].file).read_bytes()
    manifest = replace(opened.manifest, graphs=(*opened.manifest.graphs, graph))
    update_bundle(opened, manifest, {"fp16.onnx": content})
    on("orin-nano-6.1", probe=ORIN)
    assert run(["doctor", str(path), "--json"]) == 0
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["bundle-gpu"]["status"] == "warning"
    assert "not approved here: fp16" in checks["bundle-gpu"]["found"]
    verify = f"Run: edgelpr verify {path} --data LABELS.csv"
    assert checks["bundle-gpu"]["remedy"] == f"{verify} --backend tensorrt --precision fp16 --build"
    assert checks["bundle-onnxruntime"]["remedy"] == verify


@pytest.fixture
def with_engine(bundle):
    """Puts an engine for a GPU and a TensorRT into a bundle; returns its path."""

    def with_engine(gpu: str, version: str) -> str:
        store(Bundle.open(bundle), b"plan", Target("tensorrt", version, gpu, ("sm87",), "36.4.0", 8))
        return str(bundle)

    return with_engine


def test_an_approval_counts_for_the_engine_that_would_read(on, capsys, make_bundle, tmp_path):
    opened = Bundle.open(make_bundle(tmp_path / "two.elpr").path)
    content = opened.file("fp32.onnx").read_bytes() + b"\x3a\x00"  # the same network under another hash
    graph = replace(opened.manifest.graphs[0], file="fp16.onnx", precision="fp16", made_for="tensorrt")
    opened = update_bundle(opened, replace(opened.manifest, graphs=(*opened.manifest.graphs, graph)), {"fp16.onnx": content})
    target = Target("tensorrt", "10.3.0", "Orin", ("sm87",), None, 8, "Jetson Orin Nano Developer Kit")
    of_fp16 = {"precision": "fp16", "graph_file": graph.file, "graph_sha256": hashlib.sha256(content).hexdigest()}
    stored = store(opened, b"plan", target, **of_fp16)
    on("orin-nano-6.1", probe=ORIN)
    for engine, status in ((stored.record.plan_sha256, "ok"), ("0" * 64, "warning")):
        device = device_name(target)
        verdict = approval_of(content, "fp16", backend="tensorrt", device=device, engine_sha256=engine)
        record_approvals(withdrawn(opened), [verdict])
        assert run(["doctor", str(opened.path), "--json"]) == 0
        assert gpu_check(capsys)["status"] == status
    of_stored = approval_of(content, "fp16", backend="tensorrt", device=device, engine_sha256=stored.record.plan_sha256)
    record_approvals(withdrawn(opened), [of_stored])
    store(opened, b"another", target, built="2099-01-01T00:00:00Z", options=BuildOptions(level=5), **of_fp16)
    assert run(["doctor", str(opened.path), "--json"]) == 0
    assert gpu_check(capsys)["status"] == "ok"  # the newer one is not approved, and does not read


def gpu_check(capsys) -> dict[str, str]:
    """What the command said of the bundle on the GPU."""
    return next(check for check in json.loads(capsys.readouterr().out)["checks"] if check["name"] == "bundle-gpu")


def withdrawn(bundle: Bundle) -> Bundle:
    """The bundle without verdicts."""
    present = Bundle.open(bundle.path)
    return withdraw_approvals(present, "d" * 64)[0] if present.manifest.approvals else present


@pytest.mark.parametrize(
    ("gpu", "version", "status", "words"),
    [
        ("Orin", "10.3.0", "ok", "for fp32 on Orin (sm87, Jetson Orin Nano Developer Kit, 8 SMs), TensorRT 10.3.0"),
        ("Orin", "8.6.2", "warning", "version: built for TensorRT 8.6.2, here TensorRT 10.3.0"),
        ("Xavier", "10.3.0", "warning", "GPU: built for Xavier (sm87, 8 SMs), here Orin (sm87, "),
    ],
)
def test_which_engines_fit(on, capsys, with_engine, gpu, version, status, words):
    on("orin-nano-6.1")
    path = with_engine(gpu, version)
    assert run(["doctor", path, "--json"]) == 0
    found = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}["engines"]
    assert found["status"] == status and words in found["found"]
    assert status == "ok" or f"edgelpr build {path} --precision fp32" in found["remedy"]


def test_files_that_are_no_engines(on, capsys, bundle):
    on("orin-nano-6.1")
    (bundle / "engines").mkdir()
    (bundle / "engines" / "stray.plan").write_bytes(b"?")
    assert run(["doctor", str(bundle)]) == 0
    assert "has no record" in capsys.readouterr().out


def test_on_this_very_machine(tmp_path):
    """The whole of it in a fresh process, with the files of a board: no traceback, and neither torch nor onnx."""
    root = write_tree(tmp_path, BOARDS["xavier-nx-5.1"])
    code = (
        "import sys\nfrom edgelpr.cli.main import run\ncode = run(sys.argv[1:])\n"
        "assert not {'torch', 'onnx'} & set(sys.modules)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor", "--json", "--root", str(root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert "JetPack 5.1" in checks["jetpack"]["found"]
