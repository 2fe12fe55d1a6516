"""``edgelpr track``: which tracks it finds, what it prints and draws, and what it does about broken frames."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from sample_tracks import noise_frames, small_bundle

from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.confidence import TrackConfidence
from edgelpr.cli.main import run
from edgelpr.cli.tracks import wanted_tracks
from edgelpr.data.readers.track_folders import in_order
from edgelpr.data.readers.tracks import read_track_table
from edgelpr.data.track_drawing import draw_track
from edgelpr.errors import DataError
from edgelpr.runtime.tracks.reading import FrameQuality, TrackMaps, TrackReading

PICTURES = noise_frames(2).reshape(10, 50, 150)


@pytest.fixture(scope="module")
def tracks(tmp_path_factory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("tracks"))


@pytest.fixture
def gate(tmp_path) -> Path:
    """Three tracks in folders, of 5, 7 and 1 frames."""
    for name, count in (("car 2", 7), ("car 10", 1), ("car 1", 5)):
        (tmp_path / "gate" / name).mkdir(parents=True)
        for number in range(1, count + 1):
            cv2.imwrite(str(tmp_path / "gate" / name / f"{number}.png"), PICTURES[number])
    (tmp_path / "gate" / "notes.txt").write_text("no image")
    return tmp_path / "gate"


def read_json(capsys, tracks, *arguments):
    code = run(["track", str(tracks.path), *map(str, arguments), "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_a_track(tracks, gate, capsys):
    assert run(["track", str(tracks.path), str(gate)]) == 0
    printed = capsys.readouterr()
    head, *lines = printed.out.splitlines()
    assert head == "plate         confidence  frames   track"
    assert [line[24:].split(maxsplit=3) for line in lines] == [
        ["5", "of", "5", f"{gate}/car 1"],
        ["5", "of", "7", f"{gate}/car 2"],
        ["1", "of", "1", f"{gate}/car 10"],
    ]
    assert "Of tracks with more than 5 frames the best 5 were read (1 of them)" in printed.err
    assert "onnxruntime" in printed.err and f"Next: edgelpr track {tracks.path} " in printed.err


def test_json_lines_are_those_promised(tracks, gate, capsys):
    frames = [gate / "car 1" / f"{number}.png" for number in (3, 1, 2)]
    code, (line,) = read_json(capsys, tracks, *frames)
    assert code == 0
    assert list(line) == ["track", "plate", "confidence", "same_plate", "characters", "frames", "backend", "precision"]
    assert [frame["file"] for frame in line["frames"]] == [str(path) for path in frames]
    assert all(list(frame) == ["file", "quality"] and 0 < frame["quality"] < 1 for frame in line["frames"])
    assert all(list(character) == ["text", "confidence"] for character in line["characters"])
    assert "".join(character["text"] for character in line["characters"]) == line["plate"]


def test_a_table_of_tracks(tracks, gate, capsys):
    table = gate / "tracks.csv"
    rows = ["late,car 1/1.png", "early,car 2\\2.png", "late,car 1/2.png", f"early,{gate}/car 2/1.png"]
    table.write_text("\ufeffTrack,IMAGE,note\n" + "".join(f"{row},x\n" for row in rows), encoding="utf-8")
    code, (late, early) = read_json(capsys, tracks, table)
    assert (code, late["track"], early["track"]) == (0, "late", "early")
    assert [Path(frame["file"]).name for frame in late["frames"]] == ["1.png", "2.png"]
    assert [Path(frame["file"]).name for frame in early["frames"]] == ["2.png", "1.png"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("track,image\n", "a header but no frame below it"),
        ("plate,image\nA,b.png\n", "no column 'track'"),
        (
            "track,image\na,b.png\n,c.png\nd\ne,f.png,g\n",
            "3 mistakes(?s:.*)line 3: .* found ',c.png'(?s:.*)line 4: .* 'd,'(?s:.*)line 5: .* 'e,f.png,g'",
        ),
    ],
)
def test_mistakes_in_a_table_are_listed(tmp_path, text, words):
    (tmp_path / "tracks.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=words):
        read_track_table(tmp_path / "tracks.csv")


def test_broken_frames_are_reported_and_the_others_read(tracks, gate, capsys):
    broken = gate / "car 1" / "3.png"
    broken.write_bytes(b"broken")
    code, lines = read_json(capsys, tracks, gate / "car 1", gate / "car 2")
    assert code == 1
    assert [frame.get("quality") is not None for frame in lines[0]["frames"]] == [True] * 4 + [False]
    assert lines[0]["frames"][-1]["file"] == str(broken) and "not an image" in lines[0]["frames"][-1]["error"]
    assert len(lines[1]["frames"]) == 5
    assert run(["track", str(tracks.path), str(gate / "car 1")]) == 1
    printed = capsys.readouterr()
    assert "4 of 5" in printed.out and "Error: " in printed.err and "1 frame could not be read" in printed.err


def test_a_track_without_a_usable_frame_does_not_stop_the_others(tracks, gate, capsys):
    (gate / "car 10" / "1.png").write_bytes(b"broken")
    code, lines = read_json(capsys, tracks, gate)
    assert code == 1
    assert [list(line)[1] for line in lines] == ["plate", "plate", "error"]
    assert lines[2]["error"] == "none of its frames could be read" and "not an image" in lines[2]["frames"][0]["error"]
    assert run(["track", str(tracks.path), str(gate)]) == 1
    assert "(no frame)" in capsys.readouterr().out


def test_nothing_to_read_is_an_error(tracks, tmp_path, capsys):
    assert run(["track", str(tracks.path)]) == 2
    assert "FRAMES" in capsys.readouterr().err
    assert run(["track", str(tracks.path), str(tmp_path), f"{tmp_path}/*.png"]) == 1
    assert f"Error: no frame found ({tmp_path}: no image in this folder or below it; " in capsys.readouterr().err
    assert run(["track", str(tracks.path), str(tmp_path), "--backend", "tensorrt"]) == 1


def test_a_folder_or_a_pattern_without_frames_is_told_beside_others(tracks, gate, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    code, lines = read_json(capsys, tracks, gate / "car 1", tmp_path / "empty", f"{gate}/*.jpg")
    assert code == 1 and [list(line)[1] for line in lines] == ["plate", "error", "error"]
    empty = {"track": str(tmp_path / "empty"), "error": "no image in this folder or below it", "frames": []}
    assert lines[1] == empty and lines[2]["error"] == "no file matches this pattern"
    assert run(["track", str(tracks.path), str(gate / "car 1"), str(tmp_path / "empty")]) == 1
    printed = capsys.readouterr()
    assert f"Error: {tmp_path}/empty: no image in this folder" in printed.err and "could not be read" not in printed.err
    assert "0 of 0" in printed.out


def test_drawings(tracks, gate, tmp_path, capsys):
    folder = tmp_path / "drawings"
    assert run(["track", str(tracks.path), str(gate), "--save", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [f"car {number}-reading.png" for number in (1, 10, 2)]
    assert f"Drawings are in {folder}" in capsys.readouterr().err
    full, single = (cv2.imread(str(folder / f"car {number}-reading.png")) for number in (1, 10))
    assert full.shape[1] == single.shape[1] == 820
    assert (full != 245).any((0, 2))[700:].any() and not (single != 245).any((0, 2))[700:].any()  # the fifth frame's place


def test_no_drawing_replaces_that_of_another_track(tracks, gate, tmp_path):
    rows = [f"{name},car 1/1.png\n" for name in ("a", "./a", "a/", "../a")]
    (gate / "t.csv").write_text("track,image\n" + "".join(rows), encoding="utf-8")
    assert run(["track", str(tracks.path), str(gate / "t.csv"), "--save", str(tmp_path / "drawings")]) == 0
    assert len(list((tmp_path / "drawings").iterdir())) == 4


def test_a_drawing_says_whether_all_frames_show_one_plate():
    frames = (FrameQuality("a", 0.9), FrameQuality("b", 0.8))
    maps = TrackMaps((PICTURES[0], PICTURES[1]), None, np.zeros((0, 2, 42), np.float32))
    unsure = TrackReading("12", 0.1, (), frames, 0.1)
    texts = [draw_track(reading, maps)[0][:40] for reading in (unsure, replace(unsure, same_plate=0.1))]
    assert (texts[0] != texts[1])[:, 400:].any()
    one = replace(unsure, frames=frames[:1])  # of which there is nothing to say
    assert np.array_equal(draw_track(one, maps)[0][:40], draw_track(replace(one, same_plate=1.0), maps)[0][:40])


def test_without_attention_there_is_nothing_to_draw(tmp_path, gate, capsys):
    bundle = small_bundle(tmp_path, maps=False)
    assert run(["track", str(bundle.path), str(gate), "--save", str(tmp_path / "drawings")]) == 1
    assert "was exported without attention (--no-maps)" in capsys.readouterr().err
    assert run(["track", str(bundle.path), str(gate)]) == 0


@pytest.mark.parametrize("quality", ["none", "branch"])
def test_networks_with_fewer_parts_read_and_draw(tmp_path, gate, capsys, quality):
    bundle = small_bundle(tmp_path, quality)
    code, lines = read_json(capsys, bundle, gate / "car 2", "--save", tmp_path / "drawings")
    assert code == 0 and (tmp_path / "drawings" / "car 2-reading.png").is_file()
    scores = [frame["quality"] for frame in lines[0]["frames"]]
    assert len(scores) == 5 and (scores == [None] * 5) == (quality == "none")
    run(["track", str(bundle.path), str(gate)])
    assert f"the {'newest' if quality == 'none' else 'best'} 5 were read" in capsys.readouterr().err


def test_frames_and_tracks_are_in_the_order_in_which_people_count():
    names = ["b/2.png", "a/10.png", "a/frame-9b.png", "a/2.png", "a/frame-10a.png", "B/1.png"]
    assert [str(path) for path in in_order(map(Path, names))] == [
        "a/2.png", "a/10.png", "a/frame-9b.png", "a/frame-10a.png", "B/1.png", "b/2.png",
    ]  # fmt: skip


def test_single_files_are_one_track_and_names_stand_once(gate):
    first, second = gate / "car 1" / "1.png", gate / "car 1" / "2.png"
    (gate / "t.csv").write_text(f"track,image\n{gate / 'car 1'},a.png\n", encoding="utf-8")
    wanted = wanted_tracks([str(first), str(gate / "car 1"), str(gate / "t.csv"), f"{gate}/car 2/[2-3].png", str(second)])
    assert wanted[0].name == str(first)
    assert wanted[0].frames == (first, gate / "car 2" / "2.png", gate / "car 2" / "3.png", second)
    assert [track.name for track in wanted[1:]] == [f"{gate}/car 1", f"{gate}/car 1 (2)"]


def test_tracks_whose_frames_contradict_each_other_are_told(tmp_path, gate, capsys):
    # Of one frame against another the likeness of the small network's readings is below 1, of one frame with itself it is 1.
    sure = TrackConfidence(0.0, 1.0, 40.0, 1e5)
    bundle = small_bundle(tmp_path, confidence=sure)
    frames = [str(gate / "car 1" / f"{number}.png") for number in (1, 2)]
    _, (same,) = read_json(capsys, bundle, frames[0], frames[0])
    assert same["same_plate"] == 1 and same["confidence"] > 0
    assert run(["track", str(bundle.path), *frames]) == 0
    assert f"1 track seems to have frames of different plates ({frames[0]}): its confidence" in capsys.readouterr().err
    (tmp_path / "t.csv").write_text("track,image\n" + "".join(f"{n},{f}\n" for n in "abcd" for f in frames), encoding="utf-8")
    assert run(["track", str(bundle.path), str(tmp_path / "t.csv")]) == 0
    assert "4 tracks seem to have frames of different plates (a, b, c and 1 more): their" in capsys.readouterr().err
    _, (mixed,) = read_json(capsys, bundle, *frames)
    assert mixed["same_plate"] == mixed["confidence"] == 0
