"""``edgelpr verify`` on a bundle that reads tracks: filmed tracks, and ones made from labelled crops."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from sample_crops import fill, picture
from sample_tracks import small_bundle

from edgelpr.benchmarks.verifying.verifying import Plan, verify
from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.main import run
from edgelpr.data.labelled import LabelledCrop
from edgelpr.data.labelled_tracks import LabelledTrack, read_labelled_tracks, tracks_sha256
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.data.writing import write_image
from edgelpr.errors import BackendError, BundleError, DataError, ImageError, UsageError
from edgelpr.runtime.tracks.recognizer import TrackRecognizer

MADE = MadeTracks()
QUICK = ("--max-loss", "60", "--least-plates", "20", "--threads", "1", "--no-timing")  # weights of chance: rounding costs much
COUNT = 24


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracks")
    bundle = small_bundle(folder)
    crops = fill(folder / "crops", 36)
    assert run(["calibrate", str(bundle.path), "--images", str(crops), "--method", "min-max", "--threads", "1"]) == 0
    return Bundle.open(bundle.path)


@pytest.fixture
def bundle(calibrated, tmp_path):
    return shutil.copytree(calibrated.path, tmp_path / "tracks.elpr")


@pytest.fixture(scope="module")
def plates(calibrated, tmp_path_factory):
    """Folder with labelled crops and labelled tracks, each as fp32 reads it."""
    folder = tmp_path_factory.mktemp("plates")
    with TrackRecognizer.open(calibrated, threads=1) as recognizer:
        crops = [("image", "plate")]
        frames = [("track", "image", "plate", "split")]
        for number in range(COUNT):
            images = [picture(5000 + 10 * number + frame) for frame in range(1 + number % 3)]
            for frame, image in enumerate(images):
                write_image(folder / f"{number}-{frame}.png", image)
            crops.append((f"{number}-0.png", recognizer.read(list(MADE.of(images[0]))).plate))
            filmed = recognizer.read(images).plate
            part = "test" if number % 2 else "other"
            frames += [(f"car {number}", f"{number}-{frame}.png", filmed, part) for frame in range(len(images))]
    for name, rows in (("crops.csv", crops), ("tracks.csv", frames)):
        with (folder / name).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return folder


def command(bundle, labels, *options):
    return run(["verify", str(bundle), "--data", str(labels), *QUICK, *options])


@pytest.mark.parametrize(("labels", "origin"), [("crops.csv", "made"), ("tracks.csv", "filmed")])
def test_tracks_are_read_in_every_precision_and_approved(bundle, plates, labels, origin, capsys):
    assert run(["track", str(bundle), str(plates / "0-0.png"), "--precision", "int8"]) == 1
    assert "never verified" in capsys.readouterr().err
    assert command(bundle, plates / labels) == 0
    out, err = capsys.readouterr()
    assert f"fp32 reads {COUNT} of {COUNT} plates right" in out
    how = {"made": "made from a crop each (hardness 0.5, seed 0)", "filmed": "as they were filmed"}
    assert f"{COUNT} tracks, {how[origin]}" in err
    assert err.splitlines()[-1].startswith(f"Next: edgelpr track {bundle} --precision int8 --threads 1 FRAMES...")
    found = Bundle.open(bundle).manifest.approvals
    assert {(approval.precision, approval.approved, approval.tracks) for approval in found} == {
        ("fp16", True, origin),
        ("int8", True, origin),
    }
    assert run(["track", str(bundle), str(plates / "0-0.png"), "--precision", "int8"]) == 0


def test_a_part_of_the_tracks_as_json_with_times_and_the_simulation(bundle, plates, capsys):
    options = ["--split", "test", "--simulate-tensorrt", "--json", "--no-record", "--least-plates", "5", "--max-loss", "60"]
    times = ["--timing-seconds", "0.01", "--threads", "1"]
    assert run(["verify", str(bundle), "--data", str(plates / "tracks.csv"), *options, *times]) == 0
    fp32, fp16, int8, simulated = json.loads(capsys.readouterr().out)
    assert [each["tracks"] for each in (fp32, fp16, int8, simulated)] == ["filmed"] * 4
    assert (fp32["plates"], fp32["correct"], simulated["simulated"], simulated["file"]) == (12, 12, True, "int8.onnx")
    assert int8["timed"] >= 75 and int8["milliseconds_p50"] > 0 and simulated["timed"] == 0
    assert Bundle.open(bundle).manifest.approvals == ()


def test_what_is_beyond_the_gate_is_refused_without_a_search_for_layers(bundle, plates, tmp_path, capsys, monkeypatch):
    read = TrackRecognizer.read

    def worse(self, frames):
        if self.precision == "int8":
            raise BackendError("the network returned a quality that is no number")
        return read(self, frames)

    monkeypatch.setattr(TrackRecognizer, "read", worse)
    assert command(bundle, plates / "crops.csv") == 1
    out, err = capsys.readouterr()
    assert f"fails on {COUNT} plates (the network returned" in out and "do not use it." in out
    assert "--bisect" not in out + err
    assert {each.precision: each.approved for each in Bundle.open(bundle).manifest.approvals} == {"fp16": True, "int8": False}


def test_options_that_a_kind_of_bundle_has_no_use_for(bundle, tiny_bundle, plates, capsys):
    assert command(bundle, plates / "crops.csv", "--bisect") == 2
    assert "--bisect searches layers of bundles that read single crops" in capsys.readouterr().err
    assert command(tiny_bundle.path, plates / "crops.csv", "--hardness", "0.2") == 2
    assert "--hardness is for bundles that read tracks" in capsys.readouterr().err


def test_other_made_tracks_are_other_data_and_the_next_command_repeats_how(bundle, plates, capsys):
    assert command(bundle, plates / "crops.csv", "--seed", "0", "--no-record") == 0
    again = f"edgelpr verify {bundle} --data {plates / 'crops.csv'} --hardness 0.5 --seed 0 --threads 1 --max-loss 60"
    assert f"Next: {again}" in capsys.readouterr().err
    first, second = (read_labelled_tracks(plates / "crops.csv", "csv", None, MadeTracks(seed)) for seed in (0, 1))
    assert tracks_sha256(first) != tracks_sha256(second)
    assert tracks_sha256(first) == tracks_sha256(first[::-1])


def test_one_frame_that_calibrated_spoils_the_tracks(bundle, calibrated, plates, tmp_path, capsys):
    shutil.copy(calibrated.path.parent / "crops" / "003.png", tmp_path / "late.png")
    shutil.copy(plates / "0-0.png", tmp_path / "early.png")
    (tmp_path / "t.csv").write_text("track,image,plate\na,early.png,1\na,late.png,1\n")
    assert command(bundle, tmp_path / "t.csv") == 1
    assert "1 of the 2 frames calibrated this bundle (late.png)" in capsys.readouterr().err


def test_a_track_needs_a_plate_in_labels_and_one_frame_that_can_be_read(tmp_path):
    fill(tmp_path, 1)
    (tmp_path / "broken.png").write_text("no image")
    (tmp_path / "t.csv").write_text("track,image,plate\na,broken.png,1\na,000.png,1\nb,broken.png,2\n")
    whole, broken = read_labelled_tracks(tmp_path / "t.csv", "csv", None, MADE)
    assert len(whole.load_frames()) == 1
    with pytest.raises(ImageError):
        broken.load_frames()
    (tmp_path / "t.csv").write_text("track,image,plate\na,000.png,\n")
    with pytest.raises(DataError, match="no plate for 000.png"):
        read_labelled_tracks(tmp_path / "t.csv", "csv", None, MADE)


def test_crops_are_no_tracks(calibrated, plates):
    labelled = [LabelledCrop(plates / "0-0.png", "1")]
    with pytest.raises(UsageError, match="single crops were given"):
        verify(calibrated, labelled, Plan(seconds=None, threads=1), lambda line: None, lambda done, total: None)
    made = [LabelledTrack(plates / "0-0.png", "no plate", making=MADE)]
    with pytest.raises(DataError, match="fp32 reads none"):
        verify(calibrated, made, Plan(seconds=None, threads=1), lambda line: None, lambda done, total: None)


def test_a_bundle_of_fp32_alone_names_how_to_calibrate_it(tmp_path, plates):
    bundle = small_bundle(tmp_path)
    made = [LabelledTrack(plates / "0-0.png", "1", making=MADE)]
    with pytest.raises(BundleError, match="edgelpr calibrate"):
        verify(bundle, made, Plan(), lambda line: None, lambda done, total: None)
