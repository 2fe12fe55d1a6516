"""The check of labelled plates: each thing that can be wrong is found, and what is right is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgelpr.data.checking import relabelled
from edgelpr.data.checking.alike import groups_alike
from edgelpr.data.checking.checking import check_labels
from edgelpr.data.checking.findings import DataReport, Finding
from edgelpr.data.checking.looking import Look, difference_hash
from edgelpr.data.checking.parts import LabelSet, Part, names_of_sets
from edgelpr.data.labels import LabelledCrop
from edgelpr.plates.format import PlateFormat

FORMAT = PlateFormat(name="small", alphabet="ABC123", positions=4, void=True)


def picture(seed: int, height: int = 48, width: int = 160) -> np.ndarray:
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 12, 3), dtype=np.uint8)
    return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_CUBIC)


def store(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


@pytest.fixture
def make(tmp_path):
    """A labelled crop of picture number ``seed``."""
    count = iter(range(1000))

    def crop(seed: int, plate: str = "", split: str | None = "train", image: np.ndarray | None = None) -> LabelledCrop:
        path = store(tmp_path / f"{next(count)}.png", picture(seed) if image is None else image)
        return LabelledCrop(path, plate or f"A{seed}", split)

    return crop


def check(*crops: LabelledCrop, name: str = "data") -> DataReport:
    return check_labels([LabelSet(name, crops)], FORMAT)


def of_kind(report: DataReport, kind: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]


def test_clean_data_have_no_findings(make):
    report = check(make(1, "ABC1"), make(2, "23"), make(3, "C", "test"), make(4, "B", "calibrate"))
    assert report.findings == ()
    assert [(part.name, part.role, part.crops) for part in report.parts] == [
        ("train", "train", 2),
        ("test", "held out", 1),
        ("calibrate", None, 1),
    ]
    assert report.parts[0].characters == dict.fromkeys("ABC123", 1)
    assert report.to_dict()["parts"][0]["width"] == {"smallest": 160, "median": 160, "largest": 160}


def test_unreadable_images(make, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    report = check(make(1), LabelledCrop(broken, "A2", "train"), LabelledCrop(tmp_path / "absent.png", "A3", "train"))
    found = of_kind(report, "unreadable")
    assert [finding.level for finding in found] == ["error", "error"]
    assert "broken.png: not an image" in found[0].what
    assert "absent.png: cannot be read" in found[1].what
    assert report.parts[0].unreadable == 2


def test_labels_the_format_cannot_write(make):
    report = check(make(1, "A9"), make(2, "A9"), make(3, "AAAAA"), make(4, "B1"))
    found = of_kind(report, "label")
    assert [(finding.level, len(finding.files)) for finding in found] == [("error", 2), ("error", 1)]
    assert "'9', outside the alphabet" in found[0].what
    assert "5 characters" in found[1].what


def test_one_picture_on_both_sides_is_an_error(make, tmp_path):
    same = make(1, "A1", "train")
    copy = LabelledCrop(store(tmp_path / "copy.bmp", picture(1)), "A1", "val")  # another file type, the same pixels
    (finding,) = of_kind(check(same, copy, make(2, "B1", "val")), "same-picture")
    assert (finding.level, finding.files) == ("error", (same.path, copy.path))
    assert "trains and is held out (in 'train' and 'val')" in finding.what


def test_one_picture_twice_in_a_part_is_a_warning(make):
    (finding,) = of_kind(check(make(1), make(1), make(2)), "same-picture")
    assert finding.level == "warning"
    assert "is there 2 times" in finding.what


def test_one_picture_with_two_labels_is_an_error(make):
    report = check(make(1, "A1"), make(1, "B1"))
    (finding,) = of_kind(report, "contradiction")
    assert finding.level == "error"
    assert "A1 and B1" in finding.what
    assert of_kind(report, "same-picture") == []


@pytest.mark.parametrize("split", ["train", "test"])
def test_one_picture_stored_anew_under_another_label_is_an_error(make, tmp_path, split):
    first = make(1, "AB12", "train")
    anew = cv2.imencode(".jpg", picture(1), [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    (tmp_path / "b.jpg").write_bytes(anew)
    second = LabelledCrop(tmp_path / "b.jpg", "AB13", split)
    report = check(first, second, make(2, "AB11", "test"))
    (finding,) = of_kind(report, "contradiction")
    assert (finding.level, finding.files) == ("error", (first.path, second.path))
    assert "the same picture, stored anew, is labelled AB12 and AB13" in finding.what


def test_plates_that_differ_in_one_character_are_no_contradiction(make):
    plate = cv2.resize(picture(1), (160, 48))
    for place in range(20, 140, 24):
        other = plate.copy()
        cv2.rectangle(other, (place, 12), (place + 12, 36), tuple(int(255 - v) for v in plate[24, place]), -1)
        assert of_kind(check(make(0, "AB12", image=plate), make(0, "AB13", image=other)), "contradiction") == []
    nothing = np.full((48, 160, 3), 90, dtype=np.uint8)  # two pictures without content say nothing
    noise = nothing + np.random.default_rng(0).integers(0, 4, nothing.shape, dtype=np.uint8)
    assert of_kind(check(make(0, "AB12", image=nothing), make(0, "AB13", image=noise)), "contradiction") == []


def test_alike_outlines_are_not_compared_each_with_each(monkeypatch):
    compared = []
    agree = relabelled._agree
    monkeypatch.setattr(relabelled, "_agree", lambda first, second: compared.append(1) or agree(first, second))
    part, generator = Part("train", "train"), np.random.default_rng(0)
    looks = []
    for number in range(1000):
        pixels = generator.integers(0, 120, (16, 48)).astype(np.uint8) + np.uint8(number % 100)
        crop = LabelledCrop(Path(f"{number}.png"), f"A{number}", "train")
        outline = int(generator.integers(0, 2**63))
        looks.append(Look(crop, part, None, 160, 48, number.to_bytes(2, "big"), outline, pixels.tobytes()))
    copy = replace(looks[7], crop=LabelledCrop(Path("copy.png"), "B7", "test"), digest=b"?", outline=looks[7].outline ^ 0b101)
    (finding,) = relabelled.relabelled_pictures([*looks, copy])
    assert finding.files == (Path("7.png"), Path("copy.png"))
    assert len(compared) < 10  # of half a million pairs


def test_similar_pictures_of_one_plate_in_two_parts(make):
    changed = cv2.convertScaleAbs(cv2.resize(picture(1), (150, 44)), alpha=0.9, beta=10)
    crops = [make(1, "A1", "train"), make(0, "A1", "test", changed), make(2, "A1", "test")]
    (finding,) = of_kind(check(*crops), "similar-picture")
    assert (finding.level, finding.files) == ("warning", (crops[0].path, crops[1].path))
    within = [make(1, "A1", "train"), make(0, "A1", "train", changed)]
    assert of_kind(check(*within), "similar-picture") == []
    other_plate = [make(1, "A1", "train"), make(0, "B1", "test", changed)]
    assert of_kind(check(*other_plate), "similar-picture") == []


def test_plates_that_two_parts_share(make):
    crops = [make(1, "A1", "train"), make(2, "A1", "test"), make(3, "B1", "test"), make(4, "C1", "train")]
    (finding,) = of_kind(check(*crops), "shared-plate")
    assert finding.level == "warning"
    assert finding.what == "'train' and 'test' share 1 plate: A1"
    assert finding.files == (crops[0].path, crops[1].path)


def test_small_and_odd_crops(make):
    report = check(make(1), make(0, "B1", image=picture(2, 11, 160)), make(0, "C1", image=picture(3, 100, 90)))
    (small,), (odd,) = of_kind(report, "small"), of_kind(report, "odd-shape")
    assert "1 crop of 'train' smaller than 40x13 pixels" in small.what
    assert "the first is 90x100" in odd.what


def test_characters_that_never_train(make):
    (finding,) = of_kind(check(make(1, "AB1"), make(2, "C23", "test")), "absent-character")
    assert "3 of 6 characters of 'small' never stand on a plate that trains: C23" in finding.what
    assert of_kind(check(make(1, "A", "test")), "absent-character") == []
    assert "BC123" in of_kind(check(make(1, "A", None)), "absent-character")[0].what


def test_sets_are_compared_with_each_other(make):
    train, test = LabelSet("train", (make(1, split=None),)), LabelSet("test", (make(1, split=None),))
    report = check_labels([train, test], FORMAT)
    assert [part.role for part in report.parts] == ["train", "held out"]
    assert of_kind(report, "same-picture")[0].level == "error"
    two = [LabelSet("a", (make(3, split="test"),)), LabelSet("b", (make(3, split="train"),))]
    assert "in 'a: test' and 'b: train'" in of_kind(check_labels(two, FORMAT), "same-picture")[0].what


def test_workers_and_progress_do_not_change_the_outcome(make):
    crops = tuple(make(number, "A1") for number in range(5))
    reached: list[int] = []
    report = check_labels([LabelSet("data", crops)], FORMAT, workers=3, progress=reached.append)
    assert report == check(*crops)
    assert reached == [5]


def test_names_of_sets(tmp_path):
    (tmp_path / "train.csv").write_text("x")
    places = [tmp_path / "train.csv", tmp_path / "easy" / "labels.csv", tmp_path / "folder", tmp_path / "b" / "folder"]
    assert names_of_sets(places) == ["train", "easy", str(tmp_path / "folder"), str(tmp_path / "b" / "folder")]


def test_groups_alike_finds_every_pair_within_reach():
    generator = np.random.default_rng(0)
    bases = [int(value) for value in generator.integers(0, 2**63, 50)]
    near = [base ^ sum(1 << int(bit) for bit in generator.choice(64, 6, replace=False)) for base in bases]
    assert groups_alike(bases + near) == [[index, index + 50] for index in range(50)]
    far = [base ^ sum(1 << int(bit) for bit in generator.choice(64, 7, replace=False)) for base in bases]
    assert groups_alike(bases + far) == []
    assert groups_alike([7, 0, 7]) == [[0, 1, 2]]
    assert groups_alike([0, 0b111111, 0b111111111111]) == [[0, 1, 2]]  # a chain


def test_difference_hash_of_grey_and_colour():
    image = picture(5)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    assert difference_hash(image) == difference_hash(grey)
    assert (difference_hash(image) ^ difference_hash(picture(6))).bit_count() > 12
    falling = np.tile(np.arange(180, 0, -2, dtype=np.uint8), (40, 1))
    assert difference_hash(falling) == 2**64 - 1
