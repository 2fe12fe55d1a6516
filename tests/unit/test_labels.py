"""Labelled plates: every layout, and every way to get it wrong."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgelpr.data.digest import data_sha256
from edgelpr.data.labels import LabelledCrop, read_labels
from edgelpr.data.readers.ccpd import parse_name
from edgelpr.errors import DataError, ImageError

SAMPLE = "025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15"


def draw(path: Path, height: int = 24, width: int = 94, value: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.full((height, width, 3), value, np.uint8))[1].tobytes())
    return path


def write_csv(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "c.png"):
        draw(tmp_path / "images" / name)
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_with_relative_and_absolute_paths(crops, encoding):
    text = f"image,plate,split\nimages/a.png,皖A12345,test\n{crops}/images/b.png, 京B00001 ,train\nimages\\c.png,京C00001,\n"
    labelled = read_labels(write_csv(crops, text, encoding))
    assert [(crop.path.name, crop.plate, crop.split) for crop in labelled] == [
        ("a.png", "皖A12345", "test"),
        ("b.png", "京B00001", "train"),
        ("c.png", "京C00001", None),
    ]
    assert labelled[0].load().shape == (24, 94, 3)


def test_folder_with_labels_csv_and_split(crops):
    write_csv(crops, "split,plate,image\ntest,皖A12345,images/a.png\ntrain,京B00001,images/b.png\n")
    assert [crop.plate for crop in read_labels(crops, split="test")] == ["皖A12345"]
    with pytest.raises(DataError, match="no plate of the split 'val'; splits found: test, train"):
        read_labels(crops, split="val")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file is empty"),
        ("\ufeff\n", "file is empty"),
        ("image,text\nimages/a.png,A\n", "line 1: no column 'plate'.*found 'image,text'"),
        ("image;plate\nimages/a.png;A\n", "line 1: no column 'image'.*found 'image;plate'"),
        ("image,plate\n", "no plate below it"),
        ("image,plate\nimages/a.png,\n", "line 2: no plate for images/a.png"),
        ("image,plate\n,A\n", "line 2: no image file named"),
        ("image,plate\nimages/a.png\n", "line 2: not as many cells"),
        ("image,plate\nimages/a.png,A,B\n", "line 2: not as many cells"),
        ("image,plate\nimages/a.png,A\nimages/../images/a.png,B\n", "line 3: .*stands on line 2 already"),
        ("image,plate\nimages/a.png,A\n\nimages/z.png,B\n", "line 4: .*images/z.png does not exist"),
        ('image,plate\nimages/a.png,"A\n', "line 2: not a valid CSV"),
    ],
)
def test_mistakes_in_a_csv_name_file_and_line(crops, text, message):
    path = write_csv(crops, text)
    with pytest.raises(DataError, match=message) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)


def test_all_mistakes_are_told_at_once(crops):
    path = write_csv(crops, "image,plate\n" + "".join(f"images/{n}.png,A{n}\n" for n in range(25)))
    with pytest.raises(DataError, match=r"25 mistakes(.|\n)*line 11:(.|\n)*and 15 more") as caught:
        read_labels(path)
    assert "line 12" not in str(caught.value)


def test_csv_in_another_encoding(crops):
    with pytest.raises(DataError, match="save the CSV as UTF-8"):
        read_labels(write_csv(crops, "image,plate\nimages/a.png,皖A12345\n", "gbk"))


def test_wrong_place_for_the_format(crops):
    with pytest.raises(DataError, match="no such file or folder"):
        read_labels(crops / "absent")
    with pytest.raises(DataError, match="--format names"):
        read_labels(crops / "images")
    with pytest.raises(DataError, match="expects a folder"):
        read_labels(crops / "images" / "a.png", "ccpd")
    (crops / "empty").mkdir()
    with pytest.raises(DataError, match="no image in this folder"):
        read_labels(crops / "empty", "names")


def test_names(tmp_path):
    for name in ("皖A12345_3.jpg", "京B00001.png", "test/沪C00002.side.png", ".hidden.png"):
        draw(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not an image")
    labelled = read_labels(tmp_path, "names")
    assert {(crop.plate, crop.split) for crop in labelled} == {("皖A12345", None), ("京B00001", None), ("沪C00002", "test")}
    assert [crop.plate for crop in read_labels(tmp_path, "names", split="test")] == ["沪C00002"]
    draw(tmp_path / "_1.png")
    with pytest.raises(DataError, match=r"_1\.png: no plate before"):
        read_labels(tmp_path, "names")


def test_ccpd_name():
    plate, cut = parse_name(SAMPLE)
    assert plate == "皖AY339S"
    assert cut.box == (154, 383, 386, 473)
    assert cut.corners == ((154, 383), (363, 402), (386, 473), (177, 454))
    green, _ = parse_name(SAMPLE.replace("0_0_22_27_27_33_16", "12_3_3_24_28_24_31_33"))
    assert green == "京DD04079"


@pytest.mark.parametrize(
    ("stem", "message"),
    [
        ("0001", "1 of the 7 fields"),
        (SAMPLE.replace("154&383_386&473-386", "154&383-386"), "not the box"),
        (SAMPLE.replace("_363&402", ""), "not the corners"),
        (SAMPLE.replace("0_0_22_27_27_33_16", "0_0_22_27_27_33"), "7 or 8 indices"),
        (SAMPLE.replace("0_0_22_27_27_33_16", "0_0_22_27_27_33_99"), "index 99"),
        (SAMPLE.replace("0_0_22_27_27_33_16", "0_0_22_27_27_33_x"), "not the plate"),
    ],
)
def test_names_that_are_not_ccpd(tmp_path, stem, message):
    draw(tmp_path / f"{stem}.png")
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path, "ccpd")


def test_ccpd_cuts_whole_images_and_leaves_crops_alone(tmp_path):
    scene = np.zeros((1160, 720, 3), np.uint8)
    corners = np.array([(154, 383), (363, 402), (386, 473), (177, 454)])
    cv2.fillConvexPoly(scene, corners, (200, 100, 50))
    whole = tmp_path / "base" / f"{SAMPLE}.png"
    whole.parent.mkdir()
    whole.write_bytes(cv2.imencode(".png", scene)[1].tobytes())
    draw(tmp_path / "crops" / f"{SAMPLE}.png")
    draw(tmp_path / "ccpd_np" / "12.png")
    cropped, uncropped = sorted(read_labels(tmp_path, "ccpd"), key=lambda crop: crop.split != "crops")
    assert cropped.load().shape == (24, 94, 3)
    assert uncropped.load().shape == (90, 232, 3)
    straight = uncropped.load(rectify=True)
    assert straight.shape == (75, 210, 3)
    assert (straight[2:-2, 2:-2] == (200, 100, 50)).all()  # nothing but the plate is left
    assert (uncropped.load() == 0).any()


def test_an_empty_box_is_an_image_error(tmp_path):
    draw(tmp_path / f"{SAMPLE.replace('154&383_386&473-', '154&383_154&473-')}.png")
    with pytest.raises(ImageError, match="is empty"):
        read_labels(tmp_path, "ccpd")[0].load()


def test_aolp_folders(tmp_path):
    draw(tmp_path / "RP" / "image" / "RP_607.png")
    draw(tmp_path / "AC" / "image" / "1.png")
    draw(tmp_path / "LE" / "8561RK_2.png")
    for subset, name, text in (("RP", "RP_607", "14\n15\n1\n4\n5\n2\n"), ("AC", "1", "CS2527\n")):
        (tmp_path / subset / "char").mkdir()
        (tmp_path / subset / "char" / f"{name}.txt").write_text(text)
    found = {crop.split: crop.plate for crop in read_labels(tmp_path, "aolp")}
    assert found == {"AC": "CS2527", "LE": "8561RK", "RP": "EF1452"}
    assert read_labels(tmp_path / "RP", "aolp", split="RP")[0].plate == "EF1452"
    assert read_labels(tmp_path / "RP" / "image", "aolp")[0].plate == "EF1452"


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), ("1\n2\n34\n", "class index 34; expected 0 to 33"), (None, "RP_1.txt does not exist")],
)
def test_mistakes_in_aolp_labels(tmp_path, text, message):
    draw(tmp_path / "image" / "RP_1.png")
    (tmp_path / "char").mkdir()
    if text is not None:
        (tmp_path / "char" / "RP_1.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path, "aolp")


def test_hash_of_the_data(tmp_path):
    one, two = draw(tmp_path / "one.png", value=1), draw(tmp_path / "two.png", value=2)
    here = data_sha256([LabelledCrop(one, "A1"), LabelledCrop(two, "B2")])
    moved = draw(tmp_path / "elsewhere" / "x.png", value=1)
    assert data_sha256([LabelledCrop(two, "B2"), LabelledCrop(moved, "A1")]) == here
    assert data_sha256([LabelledCrop(one, "A2"), LabelledCrop(two, "B2")]) != here
    draw(two, value=3)
    assert data_sha256([LabelledCrop(one, "A1"), LabelledCrop(two, "B2")]) != here
