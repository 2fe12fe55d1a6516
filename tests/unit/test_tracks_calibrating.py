"""Calibrating a bundle that reads tracks: what is rounded, on which tracks, and what the record says of them."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnx", reason="calibrating needs the extra 'export'")
import onnx
from sample_crops import fill, picture
from sample_tracks import SIZES, noise_frames, small_bundle

from edgelpr.bundle.bundle import Bundle
from edgelpr.calibration.calibrating import calibrate
from edgelpr.calibration.checking import GraphCheck
from edgelpr.calibration.comparing import Difference
from edgelpr.calibration.early import early_form
from edgelpr.calibration.graphs import GraphIndex
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.calibration.opening import open_float_graph, read_record
from edgelpr.calibration.placing import place
from edgelpr.calibration.record import CalibrationRecord, RecordedTracks
from edgelpr.calibration.running import GraphRunner
from edgelpr.calibration.schemes import SCHEMES
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.calibration.track_loading import load_calibration_tracks
from edgelpr.cli.main import run
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.data.writing import write_image
from edgelpr.errors import CalibrationError, DataError, UsageError
from edgelpr.preprocessing.crop import Preprocessing

PREPROCESSING = Preprocessing(50, 150)
FRAMES = 5


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A network with columns and attention wide enough that the layers on them are worth rounding; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in {"column_width": 16, "attention_width": 16}.items():
            patch.setitem(SIZES, name, size)
        return small_bundle(tmp_path_factory.mktemp("tracks"), simplify=True)


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("crops"), 40)


@pytest.fixture(scope="module")
def calibrated(exported, crops, tmp_path_factory):
    """Calibrated from the command line, and what it printed; not to be changed."""
    folder = shutil.copytree(exported.path, tmp_path_factory.mktemp("calibrated") / "tracks.elpr")
    assert run(["calibrate", str(folder), "--images", str(crops), "--method", "min-max", "--threads", "1"]) == 0
    return Bundle.open(folder)


def filmed(folder, tracks=34, most=7):
    """Tracks of one to seven frames in folders, and a CSV of them."""
    rows = []
    for track in range(tracks):
        (folder / f"car {track}").mkdir(parents=True)
        for frame in range(1 + track % most):
            path = folder / f"car {track}" / f"{frame}.png"
            write_image(path, picture(1000 + 100 * track + frame))
            rows.append([f"car {track}", f"car {track}/{frame}.png"])
    with (folder / "tracks.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["track", "image"], *rows])
    return folder


def load(source, **options):
    return load_calibration_tracks(source, PREPROCESSING, MadeTracks(), **options)


def test_every_precision_is_added_and_takes_tracks(calibrated):
    graphs = {graph.file: graph for graph in calibrated.manifest.graphs}
    assert set(graphs) == {"fp32.onnx", "fp16.onnx", "int8.onnx", "int8-cpu.onnx"}
    assert {graph.frames for graph in graphs.values()} == {FRAMES}
    assert {graph.outputs for graph in graphs.values()} == {graphs["fp32.onnx"].outputs}
    assert {graph.rewrites for graph in graphs.values()} == {("decode",)}


def test_the_record_tells_of_tracks_and_how_they_were_made(calibrated):
    tracks = read_record(calibrated).tracks
    assert tracks is not None
    assert (tracks.count, tracks.made) == (40, 40) and 40 < tracks.frames < 200
    assert tracks.making == {"seed": 0, "hardness": 0.5, "most": 5, "generator_version": 1}
    assert len(read_record(calibrated).images.sha256) == 40


@pytest.mark.parametrize("file", ["int8.onnx", "int8-cpu.onnx"])
def test_convolutions_and_layers_on_columns_are_rounded_and_nothing_recurrent(calibrated, file):
    model = onnx.load(calibrated.file(file))
    index = GraphIndex(model)
    rounded = [node for node in model.graph.node if any(_is_rounded(name, index) for name in node.input)]
    layers = [node for node in rounded if node.op_type in ("Conv", "Gemm", "MatMul") and _is_rounded(node.input[1], index)]
    convolutions = 5 if file == "int8.onnx" else 6  # for a CPU the one that takes the picture, too
    assert sum(node.op_type == "Conv" for node in layers) == convolutions
    assert len(layers) == convolutions + 3  # the encoder's reduction, and keys of the whole track and of each frame
    recurrent = ("LSTM", "Softmax", "Tanh", "Sigmoid", "ArgMax")
    assert not [node.name for node in rounded if node.op_type in recurrent or "cell" in node.name or "classify" in node.name]


def _is_rounded(tensor, index):
    while tensor in index.makers and index.makers[tensor].op_type == "Cast":
        tensor = index.makers[tensor].input[0]
    return tensor in index.makers and index.makers[tensor].op_type == "DequantizeLinear"


def test_only_what_is_rounded_is_measured(calibrated):
    source = open_float_graph(calibrated)
    assert source.observed == source.rounded
    wanted = {name for scheme in SCHEMES.values() for name in place(source.early, scheme).tensors.values()}
    for ranges in read_record(calibrated).ranges.values():
        assert set(ranges) == wanted


def test_rectifying_before_pooling_changes_no_output(exported):
    source = open_float_graph(exported)
    kinds = [node.op_type for node in source.early.graph.node if node.op_type in ("Conv", "MaxPool", "Relu")]
    assert kinds[:6] == ["Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool"]
    before = [node.op_type for node in source.model.graph.node if node.op_type in ("Conv", "MaxPool", "Relu")]
    assert before[:3] == ["Conv", "MaxPool", "Relu"]
    onnx.checker.check_model(source.early)
    frames, present = noise_frames(3), np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], np.uint8)
    ours, theirs = (
        GraphRunner(model, source.graph, exported.manifest.plate_format, 1, optimised=False).run(frames, present)
        for model in (source.early, source.model)
    )
    for name, values in theirs.items():
        assert np.array_equal(ours[name], values), name
    assert early_form(source.early) is source.early


def test_a_track_of_fewer_frames_is_filled_with_its_own_frames_never_with_black(crops):
    tracks = load(crops)
    counts = tracks.present.sum(1)
    assert set(counts) == {1, 2, 3, 4, 5} and tracks.frames.shape == (40, FRAMES, 50, 150)
    assert (np.sort(tracks.present, 1)[:, ::-1] == tracks.present).all()
    for frames, count in zip(tracks.frames, counts):
        for absent in range(count, FRAMES):
            assert np.array_equal(frames[absent], frames[absent - count])
    assert tracks.frames.std((2, 3)).min() > 1


def test_a_crop_becomes_the_same_track_wherever_it_stands(tmp_path, crops):
    moved = fill(tmp_path / "z", 40)
    (moved / "000.png").rename(moved / "zzz.png")
    first, second = load(crops), load(moved)
    assert np.array_equal(first.frames[0], second.frames[-1]) and np.array_equal(first.frames[1], second.frames[0])
    other = load_calibration_tracks(crops, PREPROCESSING, MadeTracks(seed=1))
    assert not np.array_equal(other.frames, first.frames)


def test_filmed_tracks_from_a_table_and_from_folders_are_the_same(tmp_path):
    folder = filmed(tmp_path / "gate")
    table, folders = load(folder / "tracks.csv"), load(CalibrationSource(folder, tracks=True))
    assert (len(table), table.made, table.made_count) == (34, None, 0)
    counts = sorted(min(FRAMES, 1 + track % 7) for track in range(34))
    assert sorted(table.present.sum(1)) == sorted(folders.present.sum(1)) == counts
    assert set(table.images.hashes) == set(folders.images.hashes)
    assert len(table.pictures) == 34
    assert table.recorded == RecordedTracks(34, 0, int(table.present.sum()), None)


def test_filmed_tracks_and_single_crops_together(tmp_path, crops):
    folder = filmed(tmp_path / "gate", tracks=5)
    tracks = load([CalibrationSource(folder / "tracks.csv"), CalibrationSource(crops)])
    assert (len(tracks), tracks.made_count) == (45, 40)
    assert len(tracks.subset([0, 44])) == 2 and tracks.subset([3]).pictures.names == (tracks.images.names[tracks.firsts[3]],)


def test_too_few_tracks_and_too_few_plates_are_refused(tmp_path):
    folder = filmed(tmp_path / "gate", tracks=31)
    with pytest.raises(CalibrationError, match="31 usable tracks of 31 found"):
        load(CalibrationSource(folder, tracks=True))
    with pytest.raises(UsageError, match="31 calibration tracks; expected at least 32"):
        load(folder, most=31)
    copied = tmp_path / "copies"
    for track in range(33):
        (copied / str(track)).mkdir(parents=True)
        image = picture(0)
        image[0, 0] = track  # other pixels, the same picture
        write_image(copied / str(track) / "a.png", image)
    with pytest.raises(CalibrationError, match="these 33 images are 1 different pictures"):
        load(CalibrationSource(copied, tracks=True))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["a", "000.png", "123"], ["a", "001.png", "124"]], "track 'a' shows '124' here and '123' before"),
        ([["a", "missing.png", "123"]], "missing.png does not exist"),
        ([["", "000.png", "123"]], "expected a track and an image file"),
    ],
)
def test_mistakes_in_a_table_of_tracks_are_named(tmp_path, rows, words):
    folder = fill(tmp_path, 2)
    with (folder / "t.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["track", "image", "plate"], *rows])
    with pytest.raises(DataError, match=words):
        load(folder / "t.csv")


def test_a_table_without_tracks_is_not_taken_for_one(tmp_path):
    (fill(tmp_path, 1) / "t.csv").write_text("image,plate\n000.png,1\n")
    with pytest.raises(CalibrationError, match="no column 'track'"):
        load(CalibrationSource(tmp_path / "t.csv", tracks=True))


def test_crops_do_not_calibrate_a_bundle_that_reads_tracks(exported, crops):
    images = load_calibration_images(crops, PREPROCESSING)
    with pytest.raises(UsageError, match="this bundle reads tracks of 5 frames"):
        calibrate(exported, images, say=lambda line: None)


def test_json_tells_of_the_tracks_and_the_same_record_gives_the_same_files(calibrated, exported, crops, tmp_path, capsys):
    again = shutil.copytree(exported.path, tmp_path / "again.elpr")
    record = str(calibrated.file("calibration.json"))
    assert run(["calibrate", str(again), "--reuse", record, "--images", str(crops), "--threads", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["reused"], report["images"]["tracks"]["count"], report["images"]["used"]) == (True, 40, 40)
    found = Bundle.open(again).manifest.files
    assert {name: found[name].sha256 for name in found} == {
        name: file.sha256 for name, file in calibrated.manifest.files.items()
    }


def test_a_record_reuses_without_images_on_rendered_tracks(calibrated, exported, tmp_path, capsys):
    again = shutil.copytree(exported.path, tmp_path / "again.elpr")
    assert run(["calibrate", str(again), "--reuse", str(calibrated.file("calibration.json")), "--threads", "1"]) == 0
    assert "Readings of 32 tracks in ONNX Runtime" in capsys.readouterr().out


def test_options_and_caches_that_a_bundle_has_no_use_for(bundle, exported, crops, tmp_path, capsys):
    assert run(["calibrate", str(bundle), "--images", str(crops), "--tracks"]) == 2
    assert "--tracks is for bundles that read tracks" in capsys.readouterr().err
    cache = ["--tensorrt-cache", str(tmp_path / "a.cache"), "--tensorrt-version", "8.6.1"]
    assert run(["calibrate", str(exported.path), *cache]) == 1
    assert "recurrent layers, which DLA does not compute" in capsys.readouterr().err


def test_a_record_of_tracks_comes_back_and_one_of_crops_is_as_before(calibrated):
    record = read_record(calibrated)
    assert CalibrationRecord.from_json(record.to_json()) == record
    of_crops = replace(record, tracks=None)
    assert "tracks" not in of_crops.to_dict() and CalibrationRecord.from_dict(of_crops.to_dict()) == of_crops
    with pytest.raises(CalibrationError, match="was altered by hand"):
        CalibrationRecord.from_dict({key: value for key, value in record.to_dict().items() if key != "tracks"})
    with pytest.raises(CalibrationError, match="expected a frame a track or more"):
        RecordedTracks(3, 0, 2)


def test_many_changed_readings_are_warned_of(capsys):
    few, many = (GraphCheck("int8.onnx", Difference(32, changed, 0.1, 0.2)) for changed in (2, 3))
    assert few.warning is None
    assert many.warning is not None and "int8.onnx reads 3 of the 32 that it was checked on otherwise than fp32" in many.warning
