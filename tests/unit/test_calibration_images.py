"""Calibration images: which are taken, which are left out and why, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from sample_crops import picture

from edgelpr.calibration import gathering
from edgelpr.calibration.images import LEAST_IMAGES, images_for, split_held_out
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.calibration.overlap import find_overlap
from edgelpr.calibration.sampling import sample_evenly
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.data.cropping import Cut
from edgelpr.data.digest import pixel_sha256
from edgelpr.data.labels import LabelledCrop, read_labels
from edgelpr.errors import CalibrationError, DataError, UsageError
from edgelpr.preprocessing.crop import Preprocessing
from edgelpr.preprocessing.images import read_image

INPUT = Preprocessing(height=24, width=94)


def store(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path


def fill(folder: Path, count: int, start: int = 0) -> Path:
    for seed in range(start, start + count):
        store(folder / f"{seed:03}.png", picture(seed))
    return folder


def load(source, **options):
    return load_calibration_images(source, INPUT, **options)


def kinds(images) -> dict[str, str]:
    return {item.name: item.kind for item in images.left_out}


def test_a_folder_becomes_network_input(tmp_path):
    fill(tmp_path / "near", 20)
    fill(tmp_path / "far", 20, start=20)
    images = load(tmp_path)
    assert images.crops.shape == (40, 24, 94) and images.crops.dtype == np.uint8
    assert images.names[0] == "far/020.png" and images.names == tuple(sorted(images.names))
    assert (images.found, images.duplicates, images.left_out) == (40, 0, ())
    crop = read_image(tmp_path / "far" / "020.png")
    assert np.array_equal(images.crops[0], INPUT.apply(crop)) and images.hashes[0] == pixel_sha256(crop)
    assert (images.appearances[0].width, images.appearances[0].height) == (100, 30)


def test_the_crops_cannot_be_changed(tmp_path):
    images = load(fill(tmp_path, 33))
    for crops in (images.crops, images.subset([0, 2]).crops):
        with pytest.raises(ValueError, match="read-only"):
            crops[0, 0, 0] = 1


def test_labels_give_the_crop_that_is_read(tmp_path):
    names = []
    for number in range(LEAST_IMAGES):
        name = f"025-95_113-20&10_120&40-119&39_20&39_20&10_119&10-0_0_22_27_27_33_{number}-37-15.png"
        whole = np.zeros((60, 160, 3), np.uint8)
        whole[10:40, 20:120] = picture(number)
        store(tmp_path / name, whole)
        names.append(name)
    images = load(CalibrationSource(tmp_path, "ccpd"))
    assert images.names == tuple(sorted(names))
    assert (images.appearances[0].width, images.appearances[0].height) == (100, 30)
    assert images.hashes == tuple(pixel_sha256(crop.load()) for crop in read_labels(tmp_path, "ccpd"))


def labelled(folder: Path, splits: dict[str, int]) -> Path:
    lines, number = ["image,plate,split"], 0
    for split, count in splits.items():
        for _ in range(count):
            store(folder / "images" / f"{number:03}.png", picture(number))
            lines.append(f"images/{number:03}.png,A{number},{split}")
            number += 1
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def test_the_part_meant_for_calibration_is_taken(tmp_path):
    images = load(labelled(tmp_path, {"train": 5, "calibrate": 32, "test": 6}))
    assert images.names == tuple(f"images/{number:03}.png" for number in range(5, 37))
    assert images.sources == (f"{tmp_path.name}, calibrate part",)


def test_the_test_part_is_held_back_unless_asked_for(tmp_path):
    folder = labelled(tmp_path, {"train": 33, "test": 40, "val": 2})
    images = load(folder)
    assert len(images) == 33 and images.held_back == (("test", 40), ("val", 2))
    assert len(load(CalibrationSource(folder, split="test"))) == 40
    everything = load(CalibrationSource(folder / "labels.csv", split="all"))
    assert len(everything) == 75 and everything.held_back == ()


def test_folders_name_parts_too(tmp_path):
    fill(tmp_path / "street", 32)
    fill(tmp_path / "test", 9, start=50)
    images = load(tmp_path)
    assert len(images) == 32 and images.held_back == (("test", 9),)
    assert len(load(CalibrationSource(tmp_path, split="all"))) == 41


def test_only_test_parts_are_refused(tmp_path):
    with pytest.raises(CalibrationError, match=r"only parts that are there for testing \(test\).*--split"):
        load(labelled(tmp_path, {"test": 40}))


def test_a_split_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="no plate of the split 'day'; splits found: train"):
        load(CalibrationSource(labelled(tmp_path, {"train": 32}), split="day"))


def test_two_sources_add_up(tmp_path):
    one, other = fill(tmp_path / "a" / "crops", 20), fill(tmp_path / "b" / "crops", 20, start=18)
    images = load([CalibrationSource(one), CalibrationSource(other)])
    assert (len(images), images.found, images.duplicates) == (38, 40, 2)
    assert images.sources == ("crops (1)", "crops (2)")
    assert images.names[0] == "crops (1)/000.png" and images.names[-1] == "crops (2)/037.png"
    assert str(tmp_path) not in str(images.to_dict())


def test_two_parts_of_one_set_share_its_name(tmp_path):
    folder = labelled(tmp_path / "street", {"train": 30, "calibrate": 10, "test": 5})
    images = load([CalibrationSource(folder, split=part) for part in ("calibrate", "train")])
    assert images.sources == ("street, calibrate part", "street, train part") and len(images) == 40
    assert {name.partition("/")[0] for name in images.names} == {"street"}


def test_images_elsewhere_on_the_disk_keep_no_path_of_the_machine(tmp_path):
    fill(tmp_path / "far" / "away", 32)
    lines = [f"{tmp_path}/far/away/{number:03}.png,A{number}" for number in range(32)]
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "labels.csv").write_text("\n".join(["image,plate", *lines]))
    assert load(tmp_path / "lists").names[0] == "away/000.png"


def test_what_is_of_no_use_is_left_out_with_the_reason(tmp_path):
    fill(tmp_path, 32)
    (tmp_path / "broken.png").write_bytes((tmp_path / "000.png").read_bytes()[:60])
    (tmp_path / "text.jpg").write_text("no image")
    store(tmp_path / "narrow.png", picture(90, 30, 12))
    store(tmp_path / "blank.jpg", np.full((30, 100, 3), 120, np.uint8))
    store(tmp_path / "clear.png", np.zeros((30, 100, 4), np.uint8))
    images = load(tmp_path)
    unreadable = dict.fromkeys(("broken.png", "text.jpg", "clear.png"), "unreadable")
    assert kinds(images) == unreadable | {"narrow.png": "small", "blank.jpg": "blank"}
    reasons = {item.name: item.reason for item in images.left_out}
    assert reasons["broken.png"].startswith("broken.png: the file is cut short")
    assert reasons["narrow.png"] == "narrow.png: 12x30 pixels; expected at least 16x8"
    assert len(images) == 32 and images.found == 37


def test_a_dark_crop_is_not_blank(tmp_path):
    fill(tmp_path, 32)
    store(tmp_path / "night.png", picture(70) // 8)
    assert "night.png" in load(tmp_path).names


def test_the_same_picture_counts_once_however_it_was_stored(tmp_path):
    fill(tmp_path, 32)
    store(tmp_path / "again.bmp", picture(3))
    content = cv2.imencode(".png", picture(4), [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    assert content != (tmp_path / "004.png").read_bytes()
    (tmp_path / "resaved.png").write_bytes(content)
    images = load(tmp_path)
    assert (len(images), images.duplicates) == (32, 2) and len(set(images.hashes)) == 32
    shared = {item.name: item.reason for item in images.left_out}
    assert all("the same pixels as" in reason for reason in shared.values())


def test_the_same_picture_counts_once_under_names_that_look_the_same(tmp_path):
    fill(tmp_path / "x" / "crops", 32)
    store(tmp_path / "y" / "crops" / "000.png", picture(0))
    paths = sorted([*tmp_path.glob("x/crops/*"), *tmp_path.glob("y/crops/*")])
    (tmp_path / "lists").mkdir()
    labels = tmp_path / "lists" / "labels.csv"
    labels.write_text("\n".join(["image,plate", *(f"{path},A1" for path in paths)]))
    images = load(labels)
    assert (len(images), images.duplicates) == (32, 1) and images.names.count("crops/000.png") == 1


def test_too_few_images_are_refused_with_what_was_left_out(tmp_path):
    fill(tmp_path, 30)
    for number in range(7):
        store(tmp_path / f"copy{number}.bmp", picture(0))
    store(tmp_path / "blank.png", np.full((30, 100), 255, np.uint8))
    with pytest.raises(CalibrationError) as caught:
        load(tmp_path)
    message = str(caught.value)
    assert f"{tmp_path}: 30 usable images of 38 found" in message and "at least 32" in message
    assert "7 there already under another name" in message and "and 2 more" in message
    assert "1 without any contrast: blank.png" in message
    assert "add crops of real plates" in message


def test_duplicates_alone_can_make_them_too_few(tmp_path):
    for number in range(40):
        store(tmp_path / f"{number}.png", picture(number % 31))
    with pytest.raises(CalibrationError, match="31 usable images of 40 found.*\n.*9 there already under another name"):
        load(tmp_path)


def test_a_refusal_names_the_parts_held_back(tmp_path):
    with pytest.raises(CalibrationError, match="40 held back for testing, in the parts test"):
        load(labelled(tmp_path, {"train": 10, "test": 40}))


def test_sampling_is_even_and_the_same_again(tmp_path):
    for folder, count in (("a", 30), ("b", 60), ("c", 30)):
        fill(tmp_path / folder, count, start=200 * "abc".index(folder))
    images = load(tmp_path, most=40, seed=3)
    assert [sum(name.startswith(folder) for name in images.names) for folder in "abc"] == [10, 20, 10]
    again, other = load(tmp_path, most=40, seed=3), load(tmp_path, most=40, seed=4)
    assert again.names == images.names and np.array_equal(again.crops, images.crops)
    assert other.names != images.names and (images.seed, other.seed) == (3, 4)


def test_other_images_stand_in_for_those_left_out(tmp_path):
    fill(tmp_path, 40)
    for number in range(40):
        (tmp_path / f"{number:03}a.png").write_bytes(b"broken")
    assert len(load(tmp_path, most=40)) == 40


def test_only_what_is_taken_is_decoded(tmp_path, monkeypatch):
    fill(tmp_path, 120)
    looked_at = []
    monkeypatch.setattr(gathering, "spread_of", lambda crop: looked_at.append(1) or 50.0)
    load(tmp_path, most=32)
    assert len(looked_at) == 32


def test_progress_counts_what_is_taken(tmp_path):
    fill(tmp_path, 34)
    seen = []
    load(tmp_path, most=33, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 33) for done in range(1, 34)]


def test_the_hash_of_a_set_depends_on_pixels_and_preprocessing_only(tmp_path):
    first, renamed = fill(tmp_path / "a", 33), tmp_path / "b"
    for number in range(33):
        store(renamed / f"{99 - number}.bmp", picture(number))
    images = load(first)
    assert images.sha256 == load(renamed).sha256
    assert images.sha256 != images.subset(range(32)).sha256
    assert images.sha256 != load_calibration_images(first, Preprocessing(), most=500).sha256


@pytest.mark.parametrize(("count", "most"), [(1000, 500), (7, 3), (5, 9), (1, 1), (0, 5)])
def test_each_stratum_gives_one(count, most):
    taken = []
    sample_evenly(count, most, 0, lambda index: taken.append(index) or True)
    parts = min(count, most)
    edges = [count * part // parts for part in range(parts + 1)] if parts else []
    assert len(taken) == parts
    assert all(low <= index < high for low, index, high in zip(edges, taken, edges[1:]))


def test_no_index_is_offered_twice():
    offered = []
    sample_evenly(50, 20, 0, lambda index: offered.append(index) or index % 5 == 0)
    assert sorted(offered) == list(range(50))


def test_the_choice_is_the_same_on_every_machine():
    taken = []
    sample_evenly(30, 6, 7, lambda index: taken.append(index) or True)
    assert taken == [2, 5, 14, 18, 20, 26]


def test_held_out_images_are_others(tmp_path):
    images = load(fill(tmp_path, 50))
    fit, held_out = split_held_out(images, 0.2)
    assert (len(fit), len(held_out)) == (40, 10)
    assert sorted(fit.names + held_out.names) == list(images.names)
    assert not set(fit.hashes) & set(held_out.hashes)
    assert np.array_equal(held_out.crops[0], images.crops[images.names.index(held_out.names[0])])
    assert split_held_out(images, 0.2)[1].names == held_out.names


def test_holding_out_keeps_enough_to_measure_on(tmp_path):
    images = load(fill(tmp_path, 34))
    assert [len(part) for part in split_held_out(images, 0.2)] == [32, 2]
    fit, held_out = split_held_out(images.subset(range(32)), 0.2)
    assert (len(fit), len(held_out), held_out.crops.shape) == (32, 0, (0, 24, 94))
    assert images_for(0.2) == 40


@pytest.mark.parametrize("share", [0, 1, -0.5, 2, float("nan")])
def test_a_share_beyond_bounds_is_refused(tmp_path, share):
    images = load(fill(tmp_path, 32))
    with pytest.raises(UsageError, match="expected more than 0 and less than 1"):
        split_held_out(images, share)


def test_overlap_finds_the_same_pixels_under_any_name(tmp_path):
    images = load(fill(tmp_path / "calibrate", 32))
    shared = store(tmp_path / "test" / "x.bmp", picture(5))
    other = store(tmp_path / "test" / "y.png", picture(60))
    cut = np.zeros((80, 300, 3), np.uint8)
    cut[20:50, 50:150] = picture(6)
    whole = store(tmp_path / "test" / "z.png", cut)
    crops = [
        LabelledCrop(other, "A1"),
        LabelledCrop(whole, "A2", cut=Cut((50, 20, 150, 50))),
        LabelledCrop(tmp_path / "absent.png", "A3"),
        LabelledCrop(shared, "A4"),
    ]
    assert find_overlap(images.hashes, crops) == (whole, shared)
    assert find_overlap((), crops) == ()


def test_overlap_sees_plates_that_were_straightened(tmp_path):
    whole = store(tmp_path / "whole.png", picture(1, 200, 400))
    crop = LabelledCrop(whole, "A1", cut=Cut.around([(50, 20), (200, 40), (200, 90), (50, 70)]))
    straight, upright = pixel_sha256(crop.load(rectify=True)), pixel_sha256(crop.load())
    assert straight != upright
    assert find_overlap([straight], [crop]) == (whole,) == find_overlap([upright], [crop])


def missing(folder):
    return folder / "absent"


def empty(folder):
    return folder


def without_images(folder):
    (folder / "notes.txt").write_text("later")
    return folder


def single_image(folder):
    return store(folder / "one.png", picture(1))


def unknown_format(folder):
    return CalibrationSource(fill(folder, 3), "csv")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, "absent: no such file or folder; expected a folder of plate crops, or a labels CSV"),
        (empty, "is empty; expected crops of real plates"),
        (without_images, "holds no image; expected crops of real plates (.bmp"),
        (single_image, "one.png: a single image; expected a folder of plate crops"),
        (unknown_format, "a folder without labels.csv; name a CSV"),
    ],
)
def test_sources_that_cannot_be_used(tmp_path, make, message):
    with pytest.raises((CalibrationError, DataError)) as caught:
        load(make(tmp_path))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_that_may_not_be_read_is_not_merely_missing(tmp_path, monkeypatch):
    fill(tmp_path / "open", 32)
    fill(tmp_path / "closed", 32, start=40)
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(CalibrationError, match=r"closed: cannot be read \(Permission denied\)"):
        load(tmp_path)


def test_wrong_arguments(tmp_path):
    with pytest.raises(UsageError, match="31 calibration images; expected at least 32"):
        load(fill(tmp_path, 40), most=31)
    with pytest.raises(UsageError, match="no calibration images were named"):
        load([])


def test_the_record_says_what_was_used(tmp_path):
    store(fill(tmp_path, 32) / "copy.bmp", picture(3))
    record = load(tmp_path, seed=5).to_dict()
    assert (record["found"], record["used"], record["duplicates"], record["seed"]) == (33, 32, 1, 5)
    assert record["images"][0] == {"name": "000.png", "pixel_sha256": pixel_sha256(picture(0))}
    assert record["left_out"][0]["kind"] == "duplicate" and str(tmp_path.parent) not in str(record)


def test_real_calibration_parts(real_data):
    images = load([CalibrationSource(real_data / "ccpd"), CalibrationSource(real_data / "easypr")])
    assert (images.found, len(images), images.duplicates) == (120, 118, 2)
    tested = [crop for name in ("ccpd", "easypr") for crop in read_labels(real_data / name, split="test")]
    assert find_overlap(images.hashes, tested) == ()
