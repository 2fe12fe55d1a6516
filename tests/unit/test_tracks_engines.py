"""Engines that read tracks: built, found, approved and run on stand-ins, they read what the CPU reads."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx", reason="exporting the network of tracks needs the extra 'export'")
pytest.importorskip("onnxruntime")
import onnx
import onnxruntime
from doubles.cuda import FakeCuda
from doubles.executing import freed_late, living
from doubles.plans import make_fake_plan, open_fake_plan
from doubles.surfaces import RTX, VERSIONS
from sample_approvals import add_int8, approval_of
from sample_engines import Bundled, plan_of, profile_of, store
from sample_tracks import noise_frames, small_bundle
from test_verify_engines import Board

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.updating import update_bundle
from edgelpr.calibration.half import to_half
from edgelpr.cli.main import run
from edgelpr.engines.options import BuildOptions
from edgelpr.engines.placing import cache_folder
from edgelpr.engines.script import write_script
from edgelpr.engines.storing import engines_of
from edgelpr.errors import ApprovalError, BackendError, BuildError, BundleError, EngineError, UsageError
from edgelpr.runtime.backends.registry import load_backend
from edgelpr.runtime.tracks.recognizer import TrackRecognizer

FRAMES = noise_frames(6)
OPTIONS = BuildOptions(batches=(1, 1, 4))
DEVICES = {"discrete": {}, "integrated": {"integrated": True}, "without graphs": {"has_graphs": False}}


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def tracks(exported, tmp_path) -> Bundle:
    """One that may be changed."""
    return Bundle.open(shutil.copytree(exported.path, tmp_path / "tracks.elpr"))


@pytest.fixture
def gate(tmp_path):
    """Two tracks in folders, of 7 and 2 frames."""
    for number, count in enumerate((7, 2)):
        (tmp_path / "gate" / str(number)).mkdir(parents=True)
        for index in range(count):
            cv2.imwrite(str(tmp_path / "gate" / str(number) / f"{index}.png"), FRAMES[number + index // 5, index % 5])
    return tmp_path / "gate"


def on_board(tracks: Bundle, monkeypatch, version: str = "10.3.0", **device) -> Bundled:
    """A machine with a GPU on which the bundle is opened."""
    return Bundled(tracks.path, version, monkeypatch, FakeCuda(**device))


def with_engine(bundled: Bundled, version: str = "10.3.0", **changes):
    """A fitting engine in the bundle."""
    return store(bundled.bundle, plan_of(bundled.bundle, version, OPTIONS.batches), version, options=OPTIONS, **changes)


def open_tracks(bundled: Bundled, **options) -> TrackRecognizer:
    return TrackRecognizer.open(bundled.bundle, **{"backend": bundled.backend, **options})


def read_all(recognizer: TrackRecognizer) -> list:
    """Readings and maps of tracks with one to five frames, and of one with thirty."""
    found = []
    for frames in [*(FRAMES[count, : count + 1] for count in range(5)), FRAMES.reshape(-1, 50, 150)]:
        track = recognizer.track()
        for frame in frames:
            track.add(frame)
        found.append((track.reading(), track.maps()))
    return found


def assert_alike(found: list, wanted: list) -> None:
    assert len({reading.plate for reading, _ in wanted}) > 1
    for (reading, maps), (expected, looks) in zip(found, wanted, strict=True):
        assert reading.plate == expected.plate
        assert reading.confidence == pytest.approx(expected.confidence, abs=1e-6)
        assert [name for name, _ in reading.frames] == [name for name, _ in expected.frames]
        assert [score for _, score in reading.frames] == pytest.approx([score for _, score in expected.frames], abs=1e-6)
        np.testing.assert_allclose(maps.temporal, looks.temporal, atol=1e-6)
        np.testing.assert_allclose(maps.attention, looks.attention, atol=1e-6)


# Reading


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("device", DEVICES)
def test_it_reads_what_the_cpu_reads(tracks, monkeypatch, version, device):
    with TrackRecognizer.open(tracks, threads=1) as recognizer:
        expected = read_all(recognizer)
    bundled = on_board(tracks, monkeypatch, version, **DEVICES[device])
    with_engine(bundled, version)
    with open_tracks(bundled) as recognizer:
        assert_alike(read_all(recognizer), expected)
        assert (recognizer.backend, recognizer.precision) == (bundled.backend, "fp32")
        assert recognizer.description.startswith(f"{bundled.backend} {version} Orin (nvgpu), batches of 1 to 4, ")
        assert recognizer.device.startswith("Orin (nvgpu) (8 SMs), TensorRT")
        assert recognizer.engine_sha256 == engines_of(tracks)[0].record.plan_sha256
    bundled.assert_untouched()
    assert bundled.cuda.closed


@pytest.mark.parametrize("kind", ["none", "branch"])
def test_networks_with_fewer_parts_are_read_too(tmp_path, monkeypatch, kind):
    tracks = small_bundle(tmp_path, kind, maps=False)
    with TrackRecognizer.open(tracks, threads=1) as recognizer:
        expected = [recognizer.read(list(frames)) for frames in FRAMES]
    bundled = on_board(tracks, monkeypatch)
    with_engine(bundled)
    with open_tracks(bundled) as recognizer:
        assert recognizer.gives_quality == (kind == "branch")
        for frames, wanted in zip(FRAMES, expected):
            found = recognizer.read(list(frames))
            assert (found.plate, len(found.frames)) == (wanted.plate, 5)
            assert found.confidence == pytest.approx(wanted.confidence, abs=1e-6)


@pytest.mark.parametrize("batches", [(1, 1, 1), (3, 3, 4)])
def test_engines_for_other_numbers_of_tracks_serve_as_well(tracks, monkeypatch, batches):
    with TrackRecognizer.open(tracks, threads=1) as recognizer:
        expected = read_all(recognizer)
    bundled = on_board(tracks, monkeypatch)
    store(tracks, plan_of(tracks, "10.3.0", batches), options=BuildOptions(batches=batches))
    with open_tracks(bundled) as recognizer:
        assert_alike(read_all(recognizer), expected)
        present = np.ones((6, 5), np.uint8)
        found = recognizer.network.run(FRAMES, present)
    with TrackRecognizer.open(tracks, threads=1) as recognizer:
        wanted = recognizer.network.run(FRAMES, present)
    assert found.maps is None and wanted.maps is None
    for name in tracks.track_graph().outputs:
        assert len(getattr(found, name)) == 6
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-6)


def test_nothing_is_allocated_after_the_warm_up(tracks, monkeypatch):
    bundled = on_board(tracks, monkeypatch)
    with_engine(bundled)
    with open_tracks(bundled) as recognizer:
        recognizer.warmup()
        before = bundled.cuda.counts.copy()
        read_all(recognizer)
        assert not bundled.cuda.created_since(before)


def test_kernels_are_kept_after_the_warm_up(tracks, monkeypatch):
    bundled = on_board(tracks, monkeypatch, RTX)
    with_engine(bundled, RTX)
    with open_tracks(bundled) as recognizer:
        recognizer.warmup()
        (file,) = (cache_folder() / "kernels").iterdir()
        warm = file.read_bytes()
    assert len(bundled.module._compiled) > 1 and file.read_bytes() == warm


def test_several_threads_read_at_once(tracks, monkeypatch):
    bundled = on_board(tracks, monkeypatch)
    with_engine(bundled)
    with open_tracks(bundled) as recognizer:
        wanted = [recognizer.read(list(frames)).confidence for frames in FRAMES]
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(lambda number: recognizer.read(list(FRAMES[number % 6])).confidence, range(18)))
    assert found == pytest.approx([wanted[number % 6] for number in range(18)])
    assert living(bundled.module) == freed_late(bundled.module) == [] and bundled.cuda.leaks() == ()
    with pytest.raises(BackendError, match="was closed; open the bundle again"):
        recognizer.read(list(FRAMES[0]))


def test_one_input_alone_is_no_batch(tracks):
    network = load_backend("onnxruntime", tracks, "fp32", 1)
    with pytest.raises(ValueError, match="shorter"):
        network.run(FRAMES)
    network.close()


# What is refused


def test_an_engine_that_takes_something_else_is_refused(tracks, monkeypatch):
    bundled = on_board(tracks, monkeypatch)
    graph = tracks.file("fp32.onnx").read_bytes().replace(b"present", b"absents")
    profile = {name.replace("present", "absents"): shapes for name, shapes in profile_of(tracks, (1, 1, 4)).items()}
    store(tracks, make_fake_plan(graph, profile=profile), options=OPTIONS)
    words = (
        r"takes frames uint8 \[-1, 5, 50, 150\], absents uint8 \[-1, 5\] .* takes frames uint8 \[None, 5, 50, 150\], present"
    )
    with pytest.raises(EngineError, match=words):
        open_tracks(bundled)
    bundled.assert_untouched()


def test_inputs_for_different_numbers_of_tracks_are_refused(tracks, monkeypatch):
    bundled = on_board(tracks, monkeypatch)
    profile = profile_of(tracks, (1, 1, 4)) | {"present": profile_of(tracks, (1, 1, 2))["present"]}
    store(tracks, plan_of(tracks, "10.3.0", profile=profile), options=OPTIONS)
    with pytest.raises(EngineError, match=r"batches of 1 to 4 and 1 to 2; build it again: edgelpr build"):
        open_tracks(bundled)


def test_what_opening_cannot_do_is_said(tracks, tiny_bundle, monkeypatch):
    bundled = on_board(tracks, monkeypatch)
    with pytest.raises(EngineError, match=r"has no fp32 engine for TensorRT 10\.3\.0 .*Build one: edgelpr build "):
        open_tracks(bundled)
    with pytest.raises(UsageError, match="threads are for backends that compute on the processor"):
        open_tracks(bundled, threads=2)
    with pytest.raises(UsageError, match="building engines and choosing a GPU"):
        TrackRecognizer.open(tracks, build=True)
    with pytest.raises(BundleError, match="has no int8 graph for onnxruntime"):
        TrackRecognizer.open(tracks, precision="int8")
    with pytest.raises(BackendError, match="reads tracks, and the backend 'torch' reads single crops only"):
        TrackRecognizer.open(tracks, "torch")
    with pytest.raises(BundleError, match="this bundle reads single crops, not tracks; use: edgelpr read"):
        TrackRecognizer.open(tiny_bundle, bundled.backend)
    bundled.assert_untouched()


# Precisions and approvals


def test_a_graph_in_half_precision_is_sound_and_reads_alike(tracks):
    half = to_half(onnx.load(tracks.file("fp32.onnx")))
    assert not {"If", "Loop", "Scan"} & {node.op_type for node in half.graph.node}  # nothing was simplified
    weights = {name for node in half.graph.node if node.op_type in ("Conv", "Gemm") for name in node.input[1:]}
    kinds = {each.data_type for each in half.graph.initializer if each.name in weights}
    assert kinds == {onnx.TensorProto.FLOAT16}
    given = {"frames": FRAMES, "present": np.ones((6, 5), np.uint8)}
    names = tracks.track_graph().outputs
    sessions = (onnxruntime.InferenceSession(each) for each in (str(tracks.file("fp32.onnx")), half.SerializeToString()))
    for name, single, halved in zip(names, *(session.run(names, given) for session in sessions)):
        assert halved.dtype == single.dtype
        np.testing.assert_allclose(halved, single, atol=0.02, err_msg=name)


def with_fp16(tracks: Bundle) -> Bundle:
    """The fp32 graph once more, under the name of fp16."""
    graph = replace(tracks.graph("fp32"), file="fp16.onnx", precision="fp16")
    manifest = replace(tracks.manifest, graphs=(*tracks.manifest.graphs, graph))
    return update_bundle(tracks, manifest, {graph.file: tracks.file("fp32.onnx").read_bytes()})


def test_on_the_processor_int8_reads_where_it_is_approved(tracks):
    rounded = add_int8(tracks)
    with pytest.raises(ApprovalError, match=r"int8 \(int8-cpu\.onnx\) was never verified on onnxruntime"):
        TrackRecognizer.open(rounded, precision="int8")
    with TrackRecognizer.open(rounded, precision="int8", threads=1, allow_unapproved=True) as recognizer:
        assert recognizer.precision == "int8" and recognizer.read(list(FRAMES[0])).frames
    approval = approval_of(rounded.file("int8-cpu.onnx").read_bytes(), "int8", portable=True)
    approved = update_bundle(rounded, replace(rounded.manifest, approvals=(approval,)), {})
    with TrackRecognizer.open(approved, precision="int8", threads=1) as recognizer:
        assert recognizer.read(list(FRAMES[0])).frames


def test_an_engine_reads_where_that_very_engine_is_approved(tracks, monkeypatch):
    halved = with_fp16(tracks)
    bundled = on_board(halved, monkeypatch)
    with pytest.raises(ApprovalError, match=r"no fp16 engine is there|was never verified on tensorrt"):
        open_tracks(bundled, precision="fp16", build=True)
    assert bundled.module._bench.builds == []
    stored = with_engine(bundled, precision="fp16", graph_file="fp16.onnx")
    with pytest.raises(ApprovalError, match="was never verified on tensorrt"):
        open_tracks(bundled, precision="fp16")
    with open_tracks(bundled, precision="fp16", allow_unapproved=True) as recognizer:
        device, plan = recognizer.device, recognizer.engine_sha256
    assert plan == stored.record.plan_sha256
    graph = halved.file("fp16.onnx").read_bytes()
    approval = approval_of(graph, "fp16", backend="tensorrt", device=device, engine_sha256=plan)
    bundled = on_board(update_bundle(halved, replace(halved.manifest, approvals=(approval,)), {}), monkeypatch)
    with open_tracks(bundled, precision="fp16") as recognizer:
        assert recognizer.precision == "fp16" and recognizer.read(list(FRAMES[0])).frames


def test_auto_takes_the_engine_that_fits_and_says_so(tracks, monkeypatch):
    bundled, notes = on_board(tracks, monkeypatch), []
    with open_tracks(bundled, backend="auto", note=notes.append) as recognizer:
        assert recognizer.backend == recognizer.choice.backend == "onnxruntime"
    stored = with_engine(bundled)
    with open_tracks(bundled, backend="auto", threads=1, note=notes.append) as recognizer:
        assert recognizer.backend == recognizer.choice.backend == "tensorrt"
        assert recognizer.read(list(FRAMES[0])).frames
    assert any(line.startswith(f"Chose tensorrt: {stored.path.name}") for line in notes)


# Commands


def test_what_is_built_reads_what_the_cpu_reads(tracks, gate, monkeypatch, capsys):
    board = Board(monkeypatch)
    assert run(["track", str(tracks.path), str(gate), "--threads", "1"]) == 0
    expected = capsys.readouterr().out
    assert run(["build", str(tracks.path)]) == 0
    assert "batches    1 to 2, fastest at 1" in capsys.readouterr().out  # more at once would only take memory
    (plan,) = (tracks.path / "engines").glob("*.plan")
    assert open_fake_plan(plan.read_bytes())[0]["profile"] == profile_of(tracks, (1, 1, 2))
    assert run(["track", str(tracks.path), str(gate), "--backend", "tensorrt", "--device", "0"]) == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [line.split() for line in expected.splitlines()]
    assert re.search(r"^Reading with tensorrt 10\.3\.0 Orin \(nvgpu\), batches of 1 to 2, .*, fp32$", err, re.M)
    assert len(board.bench.builds) == 1


def test_track_builds_where_it_is_told_to(tracks, gate, monkeypatch, capsys):
    board = Board(monkeypatch)
    words = ["track", str(tracks.path), str(gate), "--backend", "tensorrt", "--json"]
    assert run(words) == 1
    assert re.search(
        rf"Build one: edgelpr build {re.escape(str(tracks.path))} --precision fp32$", capsys.readouterr().err, re.M
    )
    assert run([*words, "--build"]) == 0 and run([*words, "--build", "--trust-engines"]) == 0
    assert len(board.bench.builds) == 1
    assert engines_of(tracks)[0].record.options.batches == (1, 1, 2)  # more tracks at once would only take memory
    assert capsys.readouterr().out.count('"backend": "tensorrt"') == 4


def test_the_default_batches_of_tracks_are_what_help_and_commands_say(tracks, monkeypatch, capsys):
    Board(monkeypatch)
    assert run(["build", "--help"]) == 0
    assert "for tracks 1,1,2]" in " ".join(capsys.readouterr().out.split())
    assert run(["build", str(tracks.path), "--batch", "1,1,32"]) == 0
    stored = engines_of(tracks)[0]
    stored.path.write_bytes(b"!" * stored.record.plan_bytes)
    with pytest.raises(EngineError, match="--batch 1,1,32 --force$"):  # that is not the default here
        TrackRecognizer.open(tracks, "tensorrt")
    assert run(["build", str(tracks.path), "--script", str(tracks.path.parent / "script")]) == 0
    assert "--maxShapes=frames:2x5x" in (tracks.path.parent / "script" / "build.sh").read_text(encoding="utf-8")


def test_torch_in_half_precision_is_refused_without_a_command_for_crops(tracks):
    with pytest.raises(BackendError, match="reads tracks, and the backend 'torch' reads single crops only"):
        TrackRecognizer.open(tracks, "torch", "fp16")


def test_track_refuses_what_is_not_approved(tracks, gate, capsys):
    rounded = add_int8(tracks)
    words = ["track", str(rounded.path), str(gate), "--precision", "int8"]
    assert run(words) == 1
    assert "was never verified on onnxruntime. Run: edgelpr verify" in capsys.readouterr().err
    assert run([*words, "--allow-unapproved"]) == 0
    assert ", int8\n" in capsys.readouterr().err


def test_a_script_gives_trtexec_the_shapes_of_both_inputs(tracks, tmp_path):
    write_script(tracks, "fp32", BuildOptions(batches=(1, 2, 4)), tmp_path / "board")
    text, readme = ((tmp_path / "board" / name).read_text(encoding="utf-8") for name in ("build.sh", "README.md"))
    for name, count in (("min", 1), ("opt", 2), ("max", 4)):
        assert f"--{name}Shapes=frames:{count}x5x50x150,present:{count}x5" in text
    assert "`frames uint8 Nx5x50x150`, `present uint8 Nx5`; outputs: classes" in readme


def test_a_script_for_what_takes_no_bytes_is_refused(tmp_path):
    old = small_bundle(tmp_path, opset=13)
    with pytest.raises(BuildError, match=r"8\.2 takes float32 only\. Graphs that read tracks take bytes alone") as caught:
        write_script(old, "fp32", OPTIONS, tmp_path / "board", "8.2")
    assert "--no-rewrite" not in str(caught.value)


def test_inspect_names_both_inputs_and_the_engine(tracks, monkeypatch, capsys):
    with_engine(on_board(tracks, monkeypatch))
    assert run(["inspect", str(tracks.path)]) == 0
    out = capsys.readouterr().out
    assert "reads          tracks of 1 to 5 frames\n" in out
    assert "frames uint8 Nx5x50x150, present uint8 Nx5  classes" in out
    assert "1 to 4, fastest at 1" in out and out.count("yes") == 1


def test_the_real_compiler_builds_for_gpus_that_are_not_here(tracks, capsys):
    pytest.importorskip("tensorrt_rtx")
    assert run(["build", str(tracks.path), "--target", "sm86", "--batch", "1,1,2"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^for        TensorRT-RTX [\d.]+ on any GPU of sm86$", out, re.M)
    assert re.search(r"^audit      (\d+) of \1 convolutions and matrix products in fp32; ", out, re.M)
    assert engines_of(tracks)[0].record.target.backend == "tensorrt-rtx"
