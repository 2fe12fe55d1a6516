"""Boxes follow the characters through perspective, lens, dents and shutter."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgelpr.data.rendering.bending import Bend, choose_bend
from edgelpr.data.rendering.geometry import View, character_boxes, choose_view
from edgelpr.data.rendering.layouts import Layout

SIZE = (320, 100)
LAYOUT = Layout("blocks", (440, 140), tuple((20.0 + 60 * i, 25.0, 40.0, 90.0) for i in range(7)), (0, 0, 0), (255, 255, 255))
BENDS = [
    None,
    Bend(SIZE, bow=0.12),
    Bend(SIZE, bow=-0.12, squeeze=0.14),
    Bend(SIZE, swing=0.1, phase=1.0, turns=0.8),
    Bend(SIZE, bow=0.05, squeeze=-0.1, swing=-0.08),
]


@pytest.mark.parametrize("bend", BENDS[1:])
def test_bending_and_straightening_are_inverse(bend: Bend) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform((-20, -20), (SIZE[0] + 20, SIZE[1] + 20), (200, 2))
    assert np.abs(bend.straight(bend.bent(points)) - points).max() < 1e-3
    assert np.abs(bend.straight(points) - points).max() > 2  # and it does bend


def test_a_quarter_of_the_pictures_is_bent_within_what_can_be_undone() -> None:
    rng = np.random.default_rng(1)
    bends = [choose_bend(SIZE, rng) for _ in range(800)]
    assert 0.18 < sum(bend is not None for bend in bends) / 800 < 0.32
    points = np.stack(np.meshgrid(np.linspace(0, 320, 9), np.linspace(0, 100, 5)), axis=-1).reshape(-1, 2)
    for bend in filter(None, bends):
        assert np.abs(bend.straight(bend.bent(points)) - points).max() < 1e-2


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("seed", range(4))
def test_boxes_are_those_of_the_painted_blocks(bend: Bend | None, seed: int) -> None:
    """White blocks on black, seen by a random camera: what is white must end where the boxes end, to two pixels."""
    rng = np.random.default_rng(seed)
    view = choose_view(LAYOUT, 110.0, rng)
    view = replace(view, bend=None if bend is None else replace(bend, size=view.size))
    for number, cell in enumerate(LAYOUT.cells):
        box = character_boxes(view, (cell,))[0]
        seen = _look_at(view, cell)
        rows, columns = np.where(seen > 127)
        if number in (0, 6) or not rows.size:  # may be cut by the edge of the crop
            continue
        found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        assert np.abs(found - box).max() <= 2.0, (number, found, box)


def _look_at(view: View, cell: tuple[float, float, float, float]) -> np.ndarray:
    face = np.zeros((280 + 144, 880 + 144, 3), dtype=np.uint8)
    left, top, width, height = (round(2 * value) for value in cell)
    face[top + 72 : top + 72 + height, left + 72 : left + 72 + width] = 255
    to_millimetres = np.array([(0.5, 0, -36), (0, 0.5, -36), (0, 0, 1)])
    return cv2.cvtColor(view.look(face, to_millimetres, (0.0, 0.0, 0.0)), cv2.COLOR_BGR2GRAY)
