"""How many different pictures calibration crops are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgelpr.calibration.alikeness import alikeness_of
from edgelpr.calibration.loading import load_calibration_images
from edgelpr.calibration.narrowness import find_narrowness
from edgelpr.data.rendering.samples import render_crops
from edgelpr.errors import CalibrationError
from edgelpr.plates.loading import load_plate_format
from edgelpr.preprocessing.crop import Preprocessing

CN = load_plate_format("cn")
INPUT = Preprocessing.of(CN)


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """(40, H, W) of 40 plates."""
    return render_crops(CN, 40)


def stored(folder, crops, qualities):
    folder.mkdir()
    for number, crop in enumerate(crops):
        for quality in qualities:
            name = folder / f"{number:02}-{quality}.jpg"
            name.write_bytes(cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
    return folder


def test_plates_differ_and_one_that_was_stored_anew_does_not(crops):
    assert alikeness_of(crops).pictures >= 38
    again = [
        cv2.imdecode(cv2.imencode(".jpg", crops[0], [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0) for quality in (95, 70, 50)
    ]
    found = alikeness_of(np.stack([crops[0], *again, crops[1]]))
    assert (found.crops, found.pictures, found.groups) == (5, 2, ((0, 1, 2, 3),))


def test_one_picture_in_sixty_files_does_not_calibrate(crops, tmp_path):
    folder = stored(tmp_path / "one", crops[:1], range(40, 100))
    with pytest.raises(CalibrationError, match="these 60 images are 1 different pictures; INT8 needs at least 32"):
        load_calibration_images(folder, INPUT)


def test_a_set_that_is_half_repeated_is_warned_of(crops, tmp_path):
    folder = stored(tmp_path / "twice", crops, (60, 90))
    found = {each.kind: each for each in find_narrowness(load_calibration_images(folder, INPUT))}
    assert found["alike"].what.startswith("these 80 images are ") and " different pictures" in found["alike"].what
    assert "widens no range" in found["alike"].remedy
