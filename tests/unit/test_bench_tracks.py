"""``edgelpr bench`` of a bundle that reads tracks: one plate is one track of frames."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from sample_bench import MILLISECOND, SPAN, SteppingClock
from sample_results import make_model, make_result, make_run

pytest.importorskip("torch", reason="the network of tracks needs the extra 'export'")
pytest.importorskip("onnxruntime")

from sample_tracks import noise_frames, small_bundle

from edgelpr.benchmarks.bench.assembling import Subject
from edgelpr.benchmarks.bench.each_frame import EachFrame
from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.opening import model_of, open_reader
from edgelpr.benchmarks.bench.profiling import profile
from edgelpr.benchmarks.bench.track_crops import rendered_tracks, rotation_of_tracks
from edgelpr.benchmarks.paper_table.document import paper_section
from edgelpr.benchmarks.paper_table.frames import frames_parts, frames_rows
from edgelpr.benchmarks.paper_table.table import paper_rows
from edgelpr.cli.main import run
from edgelpr.errors import DataError
from edgelpr.plates.loading import load_plate_format
from edgelpr.preprocessing.crop import Preprocessing

BRIEF = ["--duration", "0.02", "--threads", "1"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Of the small network."""
    return small_bundle(tmp_path_factory.mktemp("tracks"))


@pytest.fixture(scope="module")
def tracks():
    """Four tracks of noise."""
    return rotation_of_tracks([tuple(track) for track in noise_frames(4)], 5, "noise")


@pytest.fixture
def reader(bundle):
    """Of that bundle; closed at the end."""
    opened = open_reader(bundle, "onnxruntime", "fp32", 1, 1)
    yield opened
    opened.close()


def save_tracks(folder, count, frames=5):
    for number, track in enumerate(noise_frames(count)):
        (folder / str(number)).mkdir(parents=True)
        for place, frame in enumerate(track[:frames]):
            cv2.imwrite(str(folder / str(number) / f"{place}.png"), frame)
    return str(folder)


def test_a_track_is_one_plate(bundle, reader, tracks, tmp_path):
    measurement = Measurement(SPAN, Surroundings(SteppingClock(10 * MILLISECOND), tmp_path))
    subject = Subject(reader, model_of(bundle, "onnxruntime", "fp32"), tracks, 4)
    single = measurement.measure(subject, "single-stream", "end to end")
    offline = measurement.measure(subject, "offline", "end to end")
    network = measurement.measure(subject, "offline", "network only")
    assert not measurement.failures
    assert (single.model.frames, single.model.architecture, single.plates) == (5, "iq-stan", len(single.samples_ns))
    assert single.model.multiply_adds == bundle.manifest.graphs[0].multiply_adds
    assert (network.batch, offline.batch) == (4, 1)  # a reading is of one track, however many wait
    assert network.plates == 64 * len(network.samples_ns)
    assert (single.device, single.threads, single.crops.count) == ("CPU", 1, 4)


def test_the_network_is_given_full_tracks(reader, tracks):
    inputs = reader.network_input(tracks.images[:2])
    assert inputs.shape == (2, 5, 50, 150) and inputs.dtype == np.uint8
    frames, present = reader.prepare(inputs)
    assert present.all() and present.shape == (2, 5)
    classes = reader.run_network((frames, present)).classes
    assert classes.shape == (2, 4)
    assert len(reader.read(tracks.images)) == 4


def test_tracks_that_rotate_differ_and_are_long_enough():
    frames = [tuple(track) for track in noise_frames(3)]
    rotation = rotation_of_tracks([*frames, frames[0], frames[1][:4]], 5, "noise")
    assert rotation.record.count == 3 and len(rotation.images[0]) == 5
    with pytest.raises(DataError, match="1 tracks of 5 frames or more"):
        rotation_of_tracks([frames[0], frames[0]], 5, "noise")


def test_rendered_tracks_are_the_same_for_the_same_seed():
    made = [rendered_tracks(load_plate_format("cn"), Preprocessing(50, 150), 5, seed, 3).record for seed in (0, 0, 1)]
    assert made[0] == made[1] and made[0].sha256 != made[2].sha256
    assert made[0].source == "rendered tracks of 5, seed 0"


def test_single_readings_beside_it_read_every_frame(tiny_bundle, paint, tmp_path):
    seen = []
    inner = open_reader(tiny_bundle, "onnxruntime", "fp32", 1, 1)
    plain = inner.read
    inner.read = lambda crops: seen.append(len(crops)) or plain(crops)
    reader = EachFrame(inner)
    tracks = rotation_of_tracks([[paint(f"{number}{place}") for place in range(5)] for number in range(1, 4)], 5, "painted")
    assert reader.read(tracks.images) == ["14", "24", "34"] and seen == [1] * 15
    inputs = reader.network_input(tracks.images[:1])
    assert inputs.shape == (1, 5, 50, 160) and len(reader.prepare(inputs)) == 5
    measurement = Measurement(SPAN, Surroundings(SteppingClock(10 * MILLISECOND), tmp_path))
    measured = measurement.measure(Subject(reader, make_model(frames=5), tracks), "single-stream", "network only")
    assert measured.plates == len(measured.samples_ns) and "each frame by itself" in measured.runtime
    reader.close()


def test_a_profile_of_a_graph_of_tracks(bundle, reader, tracks):
    found = profile(bundle, reader, "fp32", reader.network_input(tracks.images[:1]))
    assert any(layer.operator == "LSTM" for layer in found.layers)


def test_the_command_measures_tracks_of_a_folder(bundle, tmp_path, capsys):
    folder = save_tracks(tmp_path / "tracks", 3)
    save_tracks(tmp_path / "tracks" / "short", 1, frames=2)
    assert run(["bench", str(bundle.path), "--images", folder, *BRIEF, "--scenario", "single-stream", "--json"]) == 0
    printed = capsys.readouterr()
    runs = json.loads(printed.out)["runs"]
    assert [(each["scope"], each["model"]["frames"]) for each in runs] == [("network only", 5), ("end to end", 5)]
    assert runs[0]["crops"]["count"] == 3
    assert "tracks left out" in printed.err and "2 frames; a track that is timed has 5" in printed.err


def test_a_fresh_process_reads_a_track(bundle, tmp_path, capsys):
    arguments = ["--images", save_tracks(tmp_path / "tracks", 2), "--scenario", "cold-start", "--quick", "--threads", "1"]
    assert run(["bench", str(bundle.path), *arguments]) == 0
    printed = capsys.readouterr()
    assert "cold-start  end to end      1" in printed.out and "one plate is a track of 5 frames" in printed.out


def test_a_peer_reads_each_frame(bundle, tmp_path, capsys, monkeypatch):
    (tmp_path / "their_reader.py").write_text("def read(crops):\n    return [str(len(crops))] * len(crops)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = ["--images", save_tracks(tmp_path / "tracks", 2), "--peer-callable", "their_reader:read", "--json"]
    assert run(["bench", str(bundle.path), *BRIEF, *arguments]) == 0
    theirs = [each for each in json.loads(capsys.readouterr().out)["runs"] if each["backend"] == "peer"]
    assert [(each["scenario"], each["model"]["frames"]) for each in theirs] == [("single-stream", 5)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--precision", "int8"], (1, 2), "int8"),
        (["--labels", "labels.csv"], (2,), "reads tracks, and --labels are of single crops"),
        (["--backend", "torch"], (1, 2), "torch"),
    ],
)
def test_what_tracks_cannot_be_measured_by(bundle, tmp_path, capsys, arguments, code, message):
    folder = save_tracks(tmp_path / "tracks", 2)
    assert run(["bench", str(bundle.path), "--images", folder, *BRIEF, *arguments]) in code
    assert message in capsys.readouterr().err


def test_the_ratio_is_to_single_readings_of_the_same_tracks():
    track = {"model": make_model("iq-stan-cn, exported", "iq-stan", frames=5), "scope": "end to end"}
    singles = make_model("5 readings by hpa", None, frames=5, multiply_adds=3_700_000_000)
    result = make_result(
        make_run(milliseconds=8.0, **track),
        make_run(milliseconds=40.0, model=singles, scope="end to end", disturbances=("a storm",)),
        make_run(milliseconds=16.0, precision="fp16", **track),  # nothing was measured beside it
    )
    rows = frames_rows([result])
    assert [row.ratio for row in rows] == [pytest.approx(0.2), None, None]
    assert [row.disturbed for row in rows] == ["no", "yes", "no"] and rows[1].multiply_adds == 3_700_000_000
    table, words = frames_parts([result])
    assert table.rows[0][-2:] == ("0.20", "no") and "157 ms" in words.text
    assert frames_parts([make_result()]) == []
    assert table in paper_section(paper_rows([result]), [result]).parts


def named(subjects):
    return [(each.model.name, each.backend, each.precision, each.model.frames) for each in subjects]


@pytest.mark.slow
def test_bench_paper_times_the_exported_network_and_single_readings_beside_it(tmp_path):
    import torch
    from sample_tracks import small_network

    from edgelpr.benchmarks.paper_table.sources import Source
    from edgelpr.benchmarks.paper_table.subject import READING, Wanted
    from edgelpr.benchmarks.paper_table.track_subjects import track_subjects
    from edgelpr.models.hpa import create

    torch.manual_seed(0)
    plates = load_plate_format("cn")
    single = Source("hpa-resnet18", "a single one", lambda: create("hpa-nano", plates).eval())
    source = Source("iq-stan", "small", lambda: small_network(plate_format=plates), "b" * 64, beside=single)
    remarks: list[str] = []
    wanted = Wanted(("onnxruntime",), remark=remarks.append)
    found = list(track_subjects(source, wanted, tmp_path, lambda line: None))
    # Weights without meaning are sure of nothing: rounding changes what they read, and only fp32 is left.
    assert "fp16 and INT8 are left out" in remarks[0]
    assert named(found) == [
        ("small, exported", "onnxruntime", "fp32", 5),
        ("5 readings by a single one, rewritten", "onnxruntime", "fp32", 5),
    ]
    assert all(each.scenarios == READING and each.work is None for each in found)
    assert found[0].model.weights_sha256 == "b" * 64 and found[-1].model.architecture is None
    adds = found[-1].model.multiply_adds
    assert adds is not None and adds % 5 == 0 and adds > 0
    tracks = rendered_tracks(plates, Preprocessing(50, 150), 5, count=2)
    for each in found:
        reader = each.open()
        reader.run_network(reader.prepare(reader.network_input(tracks.images[:1])))
        assert len(reader.read(tracks.images[:1])) == 1
        reader.close()
