"""Boxes from HPA maps."""

from __future__ import annotations

import numpy as np
import pytest

from edgelpr.runtime.maps import boxes_from_maps


def box(cells: np.ndarray, size=(160, 50)) -> list[float]:
    return boxes_from_maps(cells.astype(np.float32)[None, None], np.array([size], np.float64))[0, 0].tolist()


def rectangle(rows: slice, columns: slice, value: float = 1.0) -> np.ndarray:
    cells = np.zeros((7, 20))
    cells[rows, columns] = value
    return cells


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (slice(0, 7), slice(0, 20), [0, 0, 160, 70]),
        (slice(2, 5), slice(4, 8), [32, 20, 64, 50]),
        (slice(3, 4), slice(10, 11), [80, 30, 88, 40]),
        (slice(0, 2), slice(18, 20), [144, 0, 160, 20]),
    ],
)
def test_an_even_rectangle_is_its_own_box(rows, columns, expected):
    for value in (1.0, 0.01):
        assert box(rectangle(rows, columns, value), (160, 70)) == pytest.approx(expected, abs=1e-4)


def test_boxes_are_in_pixels_of_the_crop():
    cells = rectangle(slice(0, 7), slice(5, 10))
    assert box(cells, (94, 24)) == pytest.approx([23.5, 0, 47, 24], abs=1e-4)


def test_boxes_are_clipped_to_the_crop():
    cells = np.zeros((7, 20))
    cells[:, 0], cells[:, 6] = 1.0, 0.4
    x0, y0, x1, y1 = box(cells)
    assert x0 == 0
    assert (y0, y1) == pytest.approx((0, 50), abs=1e-9)
    assert 18 < x1 < 160  # right of the mean


def test_a_map_without_mass_has_no_box():
    maps = np.zeros((1, 2, 7, 20), np.float32)
    maps[0, 1] = 0.5
    boxes = boxes_from_maps(maps, np.array([[160.0, 50.0]]))
    assert np.isnan(boxes[0, 0]).all()
    assert np.isfinite(boxes[0, 1]).all()


def test_every_crop_and_position_has_its_own():
    rng = np.random.default_rng(3)
    maps = rng.random((3, 4, 7, 20), dtype=np.float32)
    sizes = np.array([[160, 50], [94, 24], [300, 90]], np.float64)
    boxes = boxes_from_maps(maps, sizes)
    assert boxes.shape == (3, 4, 4)
    for crop in range(3):
        for position in range(4):
            alone = boxes_from_maps(maps[crop : crop + 1, position : position + 1], sizes[crop : crop + 1])
            assert np.allclose(boxes[crop, position], alone[0, 0])


def test_no_crops():
    assert boxes_from_maps(np.zeros((0, 4, 7, 20), np.float32), np.zeros((0, 2))).shape == (0, 4, 4)
