"""IQ-STAN to a bundle that reads tracks: contract, parity, and who refuses whom."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="exporting the network of tracks needs the extra 'export'")
import onnx
import onnxruntime
import torch
from bundle_editing import edit
from onnx import numpy_helper
from sample_tracks import PLATES, SIZES, noise_frames, small_bundle, small_network

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.graph import Graph
from edgelpr.bundle.manifest import Manifest
from edgelpr.cli.main import run
from edgelpr.errors import BundleError, ParityError, UsageError
from edgelpr.export.counting import count_multiply_adds_by_node
from edgelpr.export.options import ExportOptions
from edgelpr.export.tracks import exporting
from edgelpr.export.tracks.exporting import export_track_bundle
from edgelpr.export.tracks.parity import check_track_graph, make_track_reference
from edgelpr.export.tracks.wrapping import some_absent
from edgelpr.models import iq_stan
from edgelpr.models.counting import count_track_multiply_adds
from edgelpr.models.iq_stan import IqStanConfig, create_iq_stan
from edgelpr.models.iq_stan_checkpoint import is_iq_stan, save_iq_stan
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.runtime.tracks.recognizer import TrackRecognizer

TRACKS = some_absent(noise_frames(5))


@pytest.fixture(scope="module")
def tracks(tmp_path_factory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("tracks"))


def model_of(bundle: Bundle) -> onnx.ModelProto:
    return onnx.load(bundle.file("fp32.onnx"))


def session_of(bundle: Bundle) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(bundle.file("fp32.onnx")), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("opset", [13, 17, 20])
def test_the_file_keeps_to_the_contract(tmp_path, opset):
    bundle = small_bundle(tmp_path, opset=opset, simplify=True)
    model = model_of(bundle)
    onnx.checker.check_model(model, full_check=True)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", opset)]
    session = session_of(bundle)
    described = [(item.name, item.type, item.shape) for item in (*session.get_inputs(), *session.get_outputs())]
    assert described == [
        ("frames", "tensor(uint8)", ["batch", 5, 50, 150]),
        ("present", "tensor(uint8)", ["batch", 5]),
        ("classes", "tensor(int32)", ["batch", 4]),
        ("probabilities", "tensor(float)", ["batch", 4]),
        ("quality", "tensor(float)", ["batch", 5]),
        ("likeness", "tensor(float)", ["batch", 5, 5]),
        ("temporal", "tensor(float)", ["batch", 5, 7, 42]),
        ("attention", "tensor(float)", ["batch", 4, 5, 42]),
    ]
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("LSTM") == 2  # all frames together, and each alone
    assert not {"If", "Loop", "Scan", "BatchNormalization"} & set(operators)
    assert b".py" not in bundle.file("fp32.onnx").read_bytes()
    graph = bundle.track_graph()
    assert (graph.opset, graph.frames, graph.input_shape) == (opset, 5, (None, 5, 50, 150))
    assert Manifest.from_dict(json.loads(bundle.manifest.to_json())) == bundle.manifest


@pytest.mark.parametrize("quality", ["none", "branch", "branch+attention"])
@pytest.mark.parametrize("maps", [True, False])
def test_the_graph_returns_what_the_network_returns(tmp_path, quality, maps):
    bundle = small_bundle(tmp_path, quality, maps=maps)
    parts = (("quality", quality != "none"), ("likeness", True), ("temporal", maps and "+" in quality))
    extras = [name for name, there in parts if there]
    outputs = bundle.track_graph().outputs
    assert outputs == ("classes", "probabilities", *extras, *(["attention"] if maps else []))
    found = dict(zip(outputs, session_of(bundle).run(outputs, {"frames": TRACKS.frames, "present": TRACKS.present})))
    with torch.no_grad():
        frames, present = torch.from_numpy(TRACKS.frames) / 255, torch.from_numpy(TRACKS.present).float()
        wanted = small_network(quality)(frames, present, compare=True)
    best = torch.softmax(wanted.logits, -1).max(-1)
    assert np.array_equal(found["classes"], best.indices.numpy())
    assert len({tuple(classes) for classes in found["classes"]}) > 1
    np.testing.assert_allclose(found["probabilities"], best.values.numpy(), atol=1e-5)
    np.testing.assert_allclose(found["likeness"], wanted.likeness.numpy(), atol=1e-5)
    if "quality" in found:
        np.testing.assert_allclose(found["quality"], wanted.quality.numpy(), atol=1e-5)
        assert np.array_equal(found["quality"] > 0, TRACKS.present > 0)
    if "temporal" in found:
        np.testing.assert_allclose(np.concatenate(list(found["temporal"][0]), 1), wanted.temporal[0].numpy(), atol=1e-5)
    if maps:
        np.testing.assert_allclose(found["attention"].reshape(5, 4, 210), wanted.attention.numpy(), atol=1e-5)


def test_what_stands_in_an_absent_frame_changes_nothing(tracks):
    session = session_of(tracks)
    emptied = TRACKS.frames * TRACKS.present[:, :, None, None]
    assert not np.array_equal(emptied, TRACKS.frames)
    outputs = [session.run(None, {"frames": frames, "present": TRACKS.present}) for frames in (TRACKS.frames, emptied)]
    assert all(np.array_equal(one, other) for one, other in zip(*outputs))


def test_a_track_reads_alike_alone_and_among_others(tracks):
    session = session_of(tracks)
    together = session.run(None, {"frames": TRACKS.frames, "present": TRACKS.present})
    for row in range(len(TRACKS.frames)):
        part = slice(row, row + 1)
        alone = session.run(None, {"frames": TRACKS.frames[part], "present": TRACKS.present[part]})
        assert all(np.allclose(one, other[part], atol=1e-6) for one, other in zip(alone, together))


@pytest.mark.parametrize("operator", ["LSTM", "Conv", "ConvTranspose"])
def test_a_graph_with_one_weight_changed_is_refused(tracks, operator):
    model, network = model_of(tracks), small_network()
    name = next(node for node in model.graph.node if node.op_type == operator).input[1]
    weight = next(item for item in model.graph.initializer if item.name == name)
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] += 0.5
    weight.CopyFrom(numpy_helper.from_array(values, name))
    reference = make_track_reference(network, TRACKS, maps=True)
    assert check_track_graph(model_of(tracks), TRACKS, reference).ties == 0
    with pytest.raises(ParityError, match="graph: "):
        check_track_graph(model, TRACKS, reference)


def test_a_failed_check_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*arguments):
        raise ParityError("differs")

    monkeypatch.setattr(exporting, "check_track_graph", fail)
    with pytest.raises(ParityError):
        small_bundle(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("frames", "options", "plate_format", "words"),
    [
        (noise_frames(1)[:, :4], {}, PLATES, r"parity tracks are uint8 \(1, 4, 50, 150\); expected uint8 \(N, 5, 50, 150\)"),
        (noise_frames(1)[:0], {}, PLATES, "N > 0"),
        (noise_frames(1), {"include_weights": True}, PLATES, "backend torch, which reads no tracks"),
        (noise_frames(1), {}, replace(PLATES, pattern=("01", "12", "23", "34")), "has a pattern"),
    ],
)
def test_what_cannot_be_exported_is_refused_at_once(tmp_path, frames, options, plate_format, words):
    network = small_network(plate_format=plate_format)
    with pytest.raises(UsageError, match=words):
        export_track_bundle(network, tmp_path / "a.elpr", ExportOptions(**options), frames, pytest.fail)


def test_the_lstm_is_counted(tracks):
    by_node = count_multiply_adds_by_node(model_of(tracks))
    together, alone = [count for name, count in by_node.items() if "LSTM" in name]
    width, hidden = SIZES["column_width"], SIZES["encoder_hidden"]
    assert together == alone == 210 * 2 * 4 * hidden * (width + hidden)
    assert tracks.track_graph().multiply_adds == sum(by_node.values())


def test_a_graph_has_as_many_multiply_adds_as_are_counted_of_its_network(tmp_path):
    simplified = small_bundle(tmp_path, simplify=True)
    assert simplified.track_graph().multiply_adds == count_track_multiply_adds(small_network())


def test_graphs_of_crops_are_written_as_before(tiny_bundle, bundle):
    graph = tiny_bundle.graph("fp32")
    assert graph.frames is None and "frames" not in graph.to_dict() and tiny_bundle.manifest.frames is None
    assert Graph.from_dict(graph.to_dict()) == graph
    edit(bundle, graphs=[graph.to_dict() | {"frames": 5}])
    with pytest.raises(BundleError):
        Bundle.open(bundle)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rewrites": ("grey-fold", "decode")}, "expected frames uint8, decode alone"),
        ({"input_name": "crops"}, "expected frames uint8, decode alone"),
        ({"input_shape": (None, 4, 50, 150)}, r"expected \[None, 5, 'H', 'W'\]"),
        ({"input_shape": (None, 50, 150)}, r"expected \[None, 5, 'H', 'W'\]"),
        ({"outputs": ("classes", "probabilities", "maps")}, "outputs are"),
        ({"outputs": ("classes", "probabilities", "attention", "quality")}, "outputs are"),
        ({"outputs": ("classes", "probabilities", "temporal")}, "no temporal without quality"),
        ({"outputs": ("logits",)}, "outputs are"),
    ],
)
def test_a_track_graph_that_contradicts_itself_is_refused(tracks, changes, words):
    with pytest.raises(BundleError, match=words):
        replace(tracks.track_graph(), **changes)


def test_a_manifest_holds_graphs_of_one_kind(tracks, tiny_bundle):
    other = replace(tiny_bundle.graph("fp32"), precision="fp16")
    with pytest.raises(BundleError, match="some graphs read crops and others tracks"):
        replace(tracks.manifest, graphs=(tracks.track_graph(), other))
    with pytest.raises(BundleError, match=r"height and width are \(50, 150\); the preprocessing's are \(50, 160\)"):
        replace(tracks.manifest, preprocessing=tiny_bundle.manifest.preprocessing)


def test_readers_of_crops_refuse_it_and_the_other_way_round(tracks, tiny_bundle):
    for backend in ("onnxruntime", "auto"):
        with pytest.raises(BundleError, match=r"tracks\.elpr: this bundle reads tracks; use: edgelpr track "):
            Recognizer.open(tracks, backend)
    with pytest.raises(BundleError, match=r"tiny\.elpr: this bundle reads single crops, not tracks; use: edgelpr read "):
        TrackRecognizer.open(tiny_bundle)


def test_the_command_for_crops_refuses_it_in_words(tracks, tmp_path, capsys):
    crop = tmp_path / "crop.png"
    cv2.imwrite(str(crop), noise_frames(1)[0, 0])
    before = tracks.file("fp32.onnx").read_bytes()
    assert run(["read", str(tracks.path), str(crop)]) == 1
    assert "this bundle reads tracks; use: edgelpr track" in capsys.readouterr().err
    assert Bundle.open(tracks.path) == tracks and tracks.file("fp32.onnx").read_bytes() == before


def test_inspect_shows_it(tracks, capsys):
    assert run(["inspect", str(tracks.path)]) == 0
    printed = capsys.readouterr()
    assert "frames uint8 Nx5x50x150" in printed.out and "iq-stan" in printed.out
    assert f"Next: edgelpr track {tracks.path} FRAMES..." in printed.err


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """Of the network under its own name, but small."""
    small = IqStanConfig(**SIZES)
    monkeypatch.setattr(iq_stan.IqStanConfig.__init__, "__defaults__", tuple(vars(small).values()))
    save_iq_stan(tmp_path / "small.safetensors", create_iq_stan(PLATES))
    return tmp_path / "small.safetensors"


def test_the_command_tells_checkpoints_apart(checkpoint, tmp_path, capsys):
    output = tmp_path / "a.elpr"
    assert run(["export", str(checkpoint), "-o", str(output), "--opset", "17"]) == 0
    printed = capsys.readouterr()
    assert "15 rendered tracks with 1 to 5 frames" in printed.out
    assert "quality" in printed.out and "nodes" in printed.out and "fp32.onnx" in printed.out
    assert f"Next: edgelpr track {output} FRAMES..." in printed.err
    assert Bundle.open(output).track_graph().outputs[-1] == "attention"
    crops = tmp_path / "crops"
    crops.mkdir()
    for number, frame in enumerate(noise_frames(1)[0, :3]):
        cv2.imwrite(str(crops / f"{number}.png"), frame)
    more = ["--opset", "17", "--no-maps", "--no-simplify", "--images", str(crops), "--overwrite", "--json"]
    assert run(["export", str(checkpoint), "-o", str(output), *more]) == 0
    assert json.loads(capsys.readouterr().out)["graph"]["outputs"] == ["classes", "probabilities", "quality", "likeness"]


@pytest.mark.parametrize("option", [["--plain"], ["--pattern", "cn"], ["--rewrite", "decode"], ["--with-weights"]])
def test_options_for_crops_are_refused(checkpoint, tmp_path, capsys, option):
    assert run(["export", str(checkpoint), "-o", str(tmp_path / "a.elpr"), *option]) == 2
    assert f"Error: {option[0]} is for networks that read single crops" in capsys.readouterr().err


def test_other_files_are_not_taken_for_it(checkpoint, tmp_path):
    assert is_iq_stan(checkpoint)
    (tmp_path / "cut").write_bytes(checkpoint.read_bytes()[:100])
    assert not is_iq_stan(tmp_path / "cut") and not is_iq_stan(tmp_path / "absent") and not is_iq_stan(tmp_path)
