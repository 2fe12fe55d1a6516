"""The layouts of published data sets: CCPD's splits, CLPD, AOLP as published, Media Lab."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgelpr.data.cropping import Cut, cut_plate
from edgelpr.data.labels import read_labels
from edgelpr.errors import DataError

SAMPLE = "025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15"
CLPD_HEADER = "path,x1,y1,x2,y2,x3,y3,x4,y4,label"


def draw(path: Path, height: int = 24, width: int = 94, value: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.full((height, width, 3), value, np.uint8))[1].tobytes())
    return path


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def ccpd(tmp_path):
    for subset, number in (("ccpd_base", 1), ("ccpd_base", 2), ("ccpd_base", 3), ("ccpd_tilt", 4)):
        draw(tmp_path / subset / f"{SAMPLE}{number}.png", value=number)
    for part, lines in (("train", "ccpd_base/{0}1.png\n"), ("val", "ccpd_base\\{0}2.png\r\n"), ("test", "ccpd_tilt/{0}4.png")):
        write(tmp_path / "splits" / f"{part}.txt", lines.format(SAMPLE))
    return tmp_path


def test_ccpd_takes_its_official_splits(ccpd):
    assert [crop.split for crop in read_labels(ccpd, "ccpd")] == [
        "train/ccpd_base",
        "val/ccpd_base",
        "ccpd_base",
        "test/ccpd_tilt",
    ]
    assert [crop.path.stem[-1] for crop in read_labels(ccpd, "ccpd", split="train")] == ["1"]
    assert [crop.path.stem[-1] for crop in read_labels(ccpd, "ccpd", split="ccpd_base")] == ["1", "2", "3"]
    assert [crop.split for crop in read_labels(ccpd / "ccpd_base", "ccpd")] == ["train", "val", None]


def test_ccpd_splits_that_contradict_each_other(ccpd):
    write(ccpd / "splits" / "test.txt", f"ccpd_base/{SAMPLE}1.png\n")
    with pytest.raises(DataError, match=r"test\.txt: ccpd_base/.* stands in train\.txt already"):
        read_labels(ccpd, "ccpd")
    write(ccpd / "splits" / "test.txt", "京", "gbk")
    with pytest.raises(DataError, match=r"test\.txt: cannot be read as a list of images"):
        read_labels(ccpd, "ccpd")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("header", [CLPD_HEADER, "Path, X1,Y1,X2,Y2,X3,Y3,X4,Y4, Label ,more"])
def test_clpd(tmp_path, encoding, header):
    draw(tmp_path / "CLPD_1200" / "7.png", 300, 400)
    more = ",x" if header.endswith("more") else ""
    write(tmp_path / "CLPD.csv", f"{header}\nCLPD_1200/7.png,100,50.0,200,60,200,90,100,80,京a·1234 5{more}\n", encoding)
    (crop,) = read_labels(tmp_path, "clpd")
    assert (crop.plate, crop.split, crop.path.name) == ("京A12345", "test", "7.png")
    assert crop.cut == Cut((100, 50, 201, 91), ((100, 50), (200, 60), (200, 90), (100, 80)))
    assert crop.load().shape == (41, 101, 3)
    assert crop.load(rectify=True).shape == (30, 100, 3)


def test_clpd_with_the_csv_among_its_images(tmp_path):
    draw(tmp_path / "CLPD_1200" / "7.png", 300, 400)
    write(tmp_path / "CLPD_1200" / "clpd.csv", f"{CLPD_HEADER}\nCLPD_1200/7.png,1,1,9,1,9,5,1,5,京A12345\n")
    assert read_labels(tmp_path, "clpd") == read_labels(tmp_path / "CLPD_1200", "clpd")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no CLPD.csv in it"),
        ("", "file is empty"),
        ("path,x1,y1,label\n", "line 1: no column 'x2'; expected the header path,x1"),
        (f"{CLPD_HEADER}\n", "no plate below it"),
        (f"{CLPD_HEADER}\n7.png,1,1,9,1,9,5,1,5\n", "line 2: not as many cells"),
        (f"{CLPD_HEADER}\n7.png,1,1,9,1,9,5,1,5,\n", "line 2: no plate for 7.png"),
        (f"{CLPD_HEADER}\n7.png,1,1,9,1,9,,1,5,A\n", "line 2: corner 3 of 7.png is '9', ''; expected two numbers"),
        (f"{CLPD_HEADER}\n7.png,1,1,9,1,9,5,1,inf,A\n", "line 2: corner 4 of 7.png"),
        (f"{CLPD_HEADER}\n8.png,1,1,9,1,9,5,1,5,A\n", "line 2: .*8.png does not exist"),
    ],
)
def test_mistakes_in_clpd(tmp_path, text, message):
    draw(tmp_path / "7.png")
    if text is not None:
        write(tmp_path / "CLPD.csv", text)
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path, "clpd")


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 0, 1), (3, 2, 1, 0), (0, 2, 1, 3)])
def test_corners_come_as_they_are_read(order):
    corners = ((10, 20), (110, 30), (112, 60), (12, 50))
    cut = Cut.around([corners[index] for index in order])
    assert cut.corners == corners
    assert cut.box == (10, 20, 113, 61)


def test_a_plate_turned_far_keeps_its_order():
    standing = ((60, 0), (160, 140), (120, 170), (20, 30))  # 54 degrees: another corner is the leftmost and highest
    assert Cut.around(standing).corners == standing


def test_a_box_that_sticks_out_is_cut_at_the_border():
    image = np.zeros((240, 320, 3), np.uint8)
    assert cut_plate(image, Cut((200, 210, 330, 245)), "x").shape == (30, 120, 3)
    assert cut_plate(image, Cut((-5, -3, 100, 30)), "x").shape == (30, 100, 3)
    crop = np.zeros((24, 94, 3), np.uint8)
    assert cut_plate(crop, Cut((20, 10, 114, 34)), "x").shape == crop.shape  # cropped before, same size
    assert cut_plate(crop, Cut((154, 383, 386, 473)), "x").shape == crop.shape


@pytest.fixture
def published(tmp_path):
    for subset, nested in (("AC", ""), ("LE", "Subset_LE"), ("RP", "")):
        folder = tmp_path / f"Subset_{subset}" / nested
        draw(folder / "Image" / "1.png", 240, 320)
        write(folder / "groundtruth_recognition" / "1.txt", "8\r\n5\r\n6\r\n1\r\nR\r\nK\r\n")
        write(folder / "groundtruth_localization" / "1.txt", "200.0\n100\n100\n140\n")
    return tmp_path


def test_aolp_as_published(published):
    labelled = read_labels(published, "aolp")
    assert [(crop.split, crop.plate) for crop in labelled] == [("AC", "8561RK"), ("LE", "8561RK"), ("RP", "8561RK")]
    assert all(crop.load().shape == (40, 100, 3) for crop in labelled)
    assert [crop.split for crop in read_labels(published / "Subset_LE", "aolp")] == ["LE"]
    assert [crop.split for crop in read_labels(published / "Subset_RP" / "Image", "aolp")] == ["RP"]


def test_aolp_as_published_but_cut_already(published):
    for label in (published / "Subset_AC" / "groundtruth_localization").iterdir():
        label.unlink()
    (published / "Subset_AC" / "groundtruth_localization").rmdir()
    (crop,) = read_labels(published / "Subset_AC", "aolp")
    assert (crop.plate, crop.split, crop.cut) == ("8561RK", "AC", None)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("recognition", None, r"groundtruth_recognition/1\.txt does not exist"),
        ("recognition", "\n", "empty; expected the plate, one character a line"),
        ("localization", None, r"groundtruth_localization/1\.txt does not exist"),
        ("localization", "1\n2\n3\n", "'1 2 3' is no box"),
        ("localization", "1\n2\n3\nx\n", "'1 2 3 x' is no box"),
    ],
)
def test_mistakes_in_aolp_as_published(published, kind, text, message):
    label = published / "Subset_AC" / f"groundtruth_{kind}" / "1.txt"
    label.unlink()
    if text is not None:
        write(label, text)
    with pytest.raises(DataError, match=message):
        read_labels(published, "aolp")


def test_medialab(tmp_path):
    draw(tmp_path / "Normal" / "day" / "YAB-1234_2.png")
    draw(tmp_path / "difficult" / "ΥΗΚ 5678.png")  # Greek capitals
    draw(tmp_path / "difficult" / "9.png")
    write(tmp_path / "difficult" / "9.txt", "\ufeffZKX 4321\n")
    found = {(crop.plate, crop.split) for crop in read_labels(tmp_path, "medialab")}
    assert found == {("YAB1234", "normal"), ("YHK5678", "difficult"), ("ZKX4321", "difficult")}
    assert {crop.split for crop in read_labels(tmp_path / "difficult", "medialab")} == {"difficult"}


def test_mistakes_in_medialab(tmp_path):
    draw(tmp_path / "YAB1234.png")
    draw(tmp_path / "normal" / "_1.png")
    with pytest.raises(DataError, match=r"YAB1234\.png: in neither of the folders(.|\n)*_1\.png: no plate in its name"):
        read_labels(tmp_path, "medialab")
