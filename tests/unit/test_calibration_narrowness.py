"""Warnings about calibration images that are too much alike."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgelpr.calibration.appearance import Appearance, appearance_of
from edgelpr.calibration.images import CalibrationImages
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.calibration.narrowness import find_narrowness
from edgelpr.calibration.sources import CalibrationSource
from edgelpr.preprocessing.crop import Preprocessing

INPUT = Preprocessing(height=24, width=94)
BLUE, YELLOW, GREEN, RED, WHITE, BLACK = (150, 60, 20), (30, 190, 240), (90, 180, 70), (30, 30, 190), (235,) * 3, (20,) * 3
PLAIN = Appearance(94, 24, brightness=110, contrast=120, brightest=170, sharpness=1.4, light_share=0.35, colour="blue")


def plate(ground, letters, height: int = 48, width: int = 188) -> np.ndarray:
    image = np.full((height, width, 3), ground, np.uint8)
    for left in range(14, 170, 24):  # seven zeros
        image[8:40, left : left + 16] = letters
        image[12:36, left + 4 : left + 12] = ground
    return image


def varied(count: int = 200) -> list[Appearance]:
    """Appearances that spread as those of real sets do."""
    chance = np.random.default_rng(0)
    return [
        Appearance(
            width=3 * height,
            height=height,
            brightness=chance.uniform(50, 180),
            contrast=chance.uniform(60, 200),
            brightest=chance.uniform(120, 255),
            sharpness=chance.uniform(0.8, 3),
            light_share=chance.choice([0.35, 0.65]),
            colour=None,
        )
        for height in map(int, chance.integers(18, 60, count))
    ]


def images_of(looks: list[Appearance]) -> CalibrationImages:
    count = len(looks)
    chance = np.random.default_rng(1)
    return CalibrationImages(
        crops=chance.integers(0, 256, (count, 24, 94), dtype=np.uint8),  # no two alike
        hashes=tuple(map(str, range(count))),
        names=tuple(f"camera/{number}.png" for number in range(count)),
        appearances=tuple(looks),
        preprocessing=INPUT,
        sources=("data",),
        found=count,
        seed=0,
    )


def warnings(looks: list[Appearance]) -> dict:
    return {found.kind: found for found in find_narrowness(images_of(looks))}


def test_a_varied_set_is_not_warned_of():
    assert warnings(varied()) == {}


def test_no_images_give_no_warning():
    assert warnings([]) == {}


def test_one_and_the_same_kind_of_crop_is_narrow_in_every_way():
    found = warnings([PLAIN] * 40)
    assert set(found) == {"few", "brightness", "contrast", "sharpness", "camera", "plate-type"}
    assert "within 0 levels of brightness (110 to 110 of 255)" in found["brightness"].what
    assert "none of 40 crops are dark; none of 40 crops are over-exposed" in found["brightness"].what
    assert found["brightness"].remedy == "add crops at night or in shade and crops in sun or flash"
    assert found["camera"].what.startswith("nearly all crops, from one folder, are about 94x24 pixels")
    assert "40 of 40 crops show light letters on dark ground (by colour: 40 blue)" in found["plate-type"].what
    assert "add plates with dark letters on light ground" in found["plate-type"].remedy


@pytest.mark.parametrize(
    ("kind", "change", "what", "remedy"),
    [
        ("brightness", lambda look: replace(look, brightness=max(look.brightness, 71)), "none of 200 crops are dark", "night"),
        ("brightness", lambda look: replace(look, brightest=min(look.brightest, 239)), "are over-exposed", "sun"),
        ("contrast", lambda look: replace(look, contrast=max(look.contrast, 80)), "none of 200 crops are faint", "fog"),
        ("contrast", lambda look: replace(look, contrast=min(look.contrast, 139)), "are strong in contrast", "clean plates"),
        ("sharpness", lambda look: replace(look, sharpness=max(look.sharpness, 1.2)), "are blurred", "moving"),
        ("sharpness", lambda look: replace(look, sharpness=look.sharpness / 2.1), "are sharp", "standing"),
        ("camera", lambda look: replace(look, width=100 + look.width % 9, height=30), "one camera", "other cameras"),
        ("plate-type", lambda look: replace(look, light_share=0.65), "show dark letters on light ground", "light letters"),
    ],
)
def test_each_lack_is_named_alone(kind, change, what, remedy):
    found = warnings([change(look) for look in varied()])
    assert set(found) == {kind}
    assert what in found[kind].what and remedy in found[kind].remedy


def test_a_narrow_band_is_named_though_some_lie_outside():
    looks = [replace(look, brightness=60 if number < 8 else 90) for number, look in enumerate(varied())]
    found = warnings(looks)
    assert set(found) == {"brightness"} and "within 0 levels of brightness (90 to 90 of 255)" in found["brightness"].what
    assert found["brightness"].remedy == "add crops of other hours and weather"


def test_a_few_of_a_rare_kind_are_enough():
    light = [replace(look, light_share=0.65) for look in varied()]
    assert "plate-type" in warnings(light[:-3] + [replace(look, light_share=0.3) for look in light[-3:]])
    assert "plate-type" not in warnings(light[:-4] + [replace(look, light_share=0.3) for look in light[-4:]])


def test_one_crop_is_spoken_of_as_one():
    looks = [replace(look, brightness=max(look.brightness, 71)) for look in varied()]
    looks[0] = replace(looks[0], brightness=20)
    assert warnings(looks)["brightness"].what == "1 of 200 crops is dark"


def test_under_a_hundred_are_few():
    assert set(warnings(varied(99))) == {"few"} and "99 images" in warnings(varied(99))["few"].what


def test_whole_frames_and_odd_shapes_are_named():
    looks = varied()
    looks[3], looks[5] = replace(looks[3], width=1280, height=720), replace(looks[5], width=60, height=59)
    assert warnings(looks)["frames"].what == (
        "2 of 200 look like whole frames or badly cut plates: camera/3.png (1280x720), camera/5.png (60x59)"
    )


@pytest.mark.parametrize(("ground", "letters", "colour", "dark"), [
    (BLUE, WHITE, "blue", False),
    (YELLOW, BLACK, "yellow", True),
    (GREEN, BLACK, "green", True),
    (RED, WHITE, "red", False),
    (WHITE, BLACK, None, True),
    (BLACK, WHITE, None, False),
])  # fmt: skip
def test_kinds_of_plates_are_told(ground, letters, colour, dark):
    look = appearance_of(plate(ground, letters))
    assert (look.colour, look.dark_letters) == (colour, dark)


def test_grey_crops_have_no_colour():
    grey = cv2.cvtColor(plate(BLUE, WHITE), cv2.COLOR_BGR2GRAY)
    assert appearance_of(grey).colour is None and appearance_of(grey).dark_letters is False


def test_brightness_does_not_depend_on_which_is_dark():
    one, other = appearance_of(plate(BLACK, WHITE)), appearance_of(plate(WHITE, BLACK))
    assert one.brightness == pytest.approx(other.brightness, abs=2)
    assert (one.width, one.height) == (188, 48) and one.contrast > 150


def test_blur_lowers_sharpness_and_night_lowers_brightness():
    sharp = plate(BLUE, WHITE)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 6)
    assert appearance_of(blurred).sharpness < 1.2 < appearance_of(sharp).sharpness
    night = appearance_of((sharp * 0.3).astype(np.uint8))
    assert night.brightness < 70 < appearance_of(sharp).brightness


def test_narrowness_is_plain_values():
    found = find_narrowness(images_of(varied(40)))[0]
    assert found.to_dict() == {"kind": "few", "what": found.what, "remedy": found.remedy}


def test_two_real_sets_together_are_hardly_warned_of(real_data):
    images = load_calibration_images([CalibrationSource(real_data / name, split="train") for name in ("ccpd", "easypr")], INPUT)
    assert {found.kind for found in find_narrowness(images)} <= {"frames"}


def test_real_crops_of_one_brightness_are_warned_of(real_data):
    images = load_calibration_images(CalibrationSource(real_data / "ccpd", split="all"), INPUT, most=600)
    order = np.argsort([look.brightness for look in images.appearances])
    for start in (0, 150, 300, 450, len(images) - 40):
        found = {one.kind: one for one in find_narrowness(images.subset(order[start : start + 40]))}
        assert "nine tenths lie within" in found["brightness"].what and "add" in found["brightness"].remedy
