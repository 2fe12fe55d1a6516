"""``edgelpr eval`` on a bundle that reads tracks: filmed tracks, and ones made from labelled crops."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
import stub_engine
from sample_crops import picture
from sample_tracks import small_bundle

from edgelpr.bundle.bundle import Bundle
from edgelpr.cli.main import run
from edgelpr.data.rendering.tracks.making import MadeTracks
from edgelpr.data.writing import write_image
from edgelpr.runtime.tracks.recognizer import TrackRecognizer

COUNT = 6
WRONG = 1
"""How many plates are labelled otherwise than they are read."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return small_bundle(tmp_path_factory.mktemp("tracks"))


@pytest.fixture(scope="module")
def plates(bundle, tmp_path_factory):
    """Folder with crops and tracks of three frames, labelled as fp32 reads them, but for the first plate."""
    folder = tmp_path_factory.mktemp("plates")
    crops, frames = [("image", "plate")], [("track", "image", "plate", "split")]
    with TrackRecognizer.open(bundle, threads=1) as recognizer:
        for number in range(COUNT):
            images = [picture(7000 + 10 * number + frame) for frame in range(3)]
            names = [f"{number}-{frame}.png" for frame in range(3)]
            for name, image in zip(names, images):
                write_image(folder / name, image)
            made = recognizer.read(list(MadeTracks(3, 0.2).of(images[0]))).plate
            filmed = recognizer.read(images).plate
            if number < WRONG:
                made, filmed = _spoilt(made), _spoilt(filmed)
            crops.append((names[0], made))
            frames += [(f"car {number}", name, filmed, "test" if number < 4 else "other") for name in names]
    for name, rows in (("crops.csv", crops), ("tracks.csv", frames)):
        with (folder / name).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return folder


def _spoilt(plate: str) -> str:
    return ("1" if plate[:1] == "0" else "0") + plate[1:]


def figures(capsys, *arguments):
    assert run(["eval", *map(str, arguments), "--threads", "1", "--json"]) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err


def test_filmed_tracks_count_as_plates_and_the_table_says_so(bundle, plates, capsys):
    assert run(["eval", str(bundle.path), str(plates / "tracks.csv"), "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert ["plates", str(COUNT)] in lines and ["read", "right", str(COUNT - WRONG)] in lines
    assert f"{COUNT} tracks, as they were filmed" in err
    assert "--sheet failures.png" in err and "--hardness" not in err


def test_the_figures_are_named_as_for_crops(bundle, plates, capsys, monkeypatch, tmp_path):
    found, _ = figures(capsys, bundle.path, plates / "tracks.csv", "--split", "test")
    assert (found["plates"], found["plate_accuracy"]) == (4, 0.75)
    low, high = found["plate_accuracy_interval"]
    assert 0 < low < 0.75 < high < 1 and 0.75 < found["character_accuracy"] < 1 and found["seconds_per_plate"] > 0
    stub_engine.install(monkeypatch)
    (tmp_path / "labels.csv").write_text(f"image,plate\n{stub_engine.draw_crop(tmp_path / '0.png')},1\n", encoding="utf-8")
    of_crops, _ = figures(capsys, "stub.elpr", tmp_path / "labels.csv")
    assert set(found) == set(of_crops)


def test_tracks_are_made_from_crops_as_they_are_for_verify(bundle, plates, capsys):
    labels, making = plates / "crops.csv", ("--hardness", "0.2", "--seed", "3")
    found, err = figures(capsys, bundle.path, labels, *making)
    assert found["plate_accuracy"] == (COUNT - WRONG) / COUNT
    assert f"{COUNT} tracks, made from a crop each (hardness 0.2, seed 3)" in err
    assert " --hardness 0.2 --seed 3 " in err.splitlines()[-1]
    other, _ = figures(capsys, bundle.path, labels, "--hardness", "1", "--seed", "4")
    assert other["data_sha256"] != found["data_sha256"]
    assert other["expected_calibration_error"] != found["expected_calibration_error"]  # other pixels, other confidences


def test_how_tracks_are_made_is_no_option_for_filmed_ones(bundle, plates, capsys):
    assert run(["eval", str(bundle.path), str(plates / "tracks.csv"), "--hardness", "0.2"]) == 2
    assert "tracks.csv: has filmed tracks; leave out --hardness and --seed" in capsys.readouterr().err


def test_the_record_says_how_tracks_came_about(bundle, plates, tmp_path, capsys):
    own = shutil.copytree(bundle.path, tmp_path / "own.elpr")
    figures(capsys, own, plates / "tracks.csv", "--record")
    figures(capsys, own, plates / "crops.csv", "--record", "--seed", "3")
    filmed, made = Bundle.open(own).manifest.accuracy
    assert filmed["tracks"] == "filmed" and "seed" not in filmed
    assert (made["tracks"], made["hardness"], made["seed"], made["plates"]) == ("made", 0.5, 3, COUNT)


def test_reports_show_the_first_frame_of_each_track(bundle, plates, tmp_path, capsys):
    table, sheet = tmp_path / "plates.csv", tmp_path / "failures.png"
    figures(capsys, bundle.path, plates / "tracks.csv", "--csv", table, "--sheet", sheet)
    with table.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows] == [str(plates / f"{number}-0.png") for number in range(COUNT)]
    assert [row["correct"] for row in rows] == ["0"] * WRONG + ["1"] * (COUNT - WRONG)
    assert sheet.stat().st_size > 0


def test_options_about_made_tracks_are_refused_for_single_crops(tmp_path, capsys, monkeypatch):
    stub_engine.install(monkeypatch)
    assert run(["eval", "stub.elpr", str(tmp_path / "labels.csv"), "--seed", "1"]) == 2
    assert "--seed is for bundles that read tracks, and stub.elpr reads single crops" in capsys.readouterr().err
