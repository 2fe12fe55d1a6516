"""Chinese plates: every type with its grammar, in glyphs of its own style."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgelpr.data.rendering.chinese import CHINESE, draw_chinese
from edgelpr.data.rendering.glyphs import FolderGlyphs
from edgelpr.plates.loading import load_plate_format

CN = load_plate_format("cn")
P, L, D = f"[{CN.alphabet[:31]}]", "[A-HJ-NP-Z]", "[0-9]"
GRAMMAR = {
    "blue": f"{P}{L}[A-HJ-NP-Z0-9]{{5}}",
    "yellow": f"{P}{L}[A-HJ-NP-Z0-9]{{5}}",
    "coach": f"{P}{L}[A-HJ-NP-Z0-9]{{4}}学",
    "police": f"{P}{L}[A-HJ-NP-Z0-9]{{4}}警",
    "military": f"{L}{{2}}{D}{{5}}",
    "armed-police": f"WJ{P}{D}{{4}}[XBTSHJD0-9]",
    "border": f"{P}{L}[A-HJ-NP-Z0-9]{{4}}[港澳]",
    "embassy": f"使{D}{{6}}|{D}{{6}}使",
    "consulate": f"{P}{L}[A-HJ-NP-Z0-9]{{4}}[领使]",
    "green": f"{P}{L}[A-HJK]{L[:-1]}0-9]{D}{{4}}",
    "green-large": f"{P}{L}{D}{{5}}[A-HJK]",
    "two-row": f"{P}{L}[A-HJ-NP-Z0-9]{{5}}",
    "two-row-blue": f"{P}{L}[A-HJ-NP-Z0-9]{{5}}",
    "trailer": f"{P}{L}[A-HJ-NP-Z0-9]{{4}}挂",
    "police-two-row": f"{P}{L}[A-HJ-NP-Z0-9]{{4}}警",
    "motorcycle": f"{P}{L}[A-HJ-NP-Z0-9]{{5}}",
    "motorcycle-blue": f"{P}{L}[A-HJ-NP-Z0-9]{{5}}",
}


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[str]]:
    rng = np.random.default_rng(0)
    plates: dict[str, list[str]] = defaultdict(list)
    for _ in range(6000):
        text, layout = draw_chinese(CN, rng)
        plates[layout.name].append(text)
    return plates


def test_every_type_follows_its_grammar_and_is_drawn(drawn: dict[str, list[str]]) -> None:
    assert set(drawn) == set(CHINESE) == set(GRAMMAR)
    for kind, plates in drawn.items():
        for plate in plates:
            assert re.fullmatch(GRAMMAR[kind], plate), (kind, plate)
            assert len(plate) == len(CHINESE[kind].cells) and CN.decode(CN.encode(plate)) == plate


def test_no_character_is_rare(drawn: dict[str, list[str]]) -> None:
    counts = Counter("".join(plate for plates in drawn.values() for plate in plates))
    assert set(counts) == set(CN.alphabet)
    assert min(counts.values()) >= 30  # of 6000 plates
    provinces = [counts[character] for character in CN.alphabet[:31]]
    assert max(provinces) < 2.5 * min(provinces)


@pytest.mark.parametrize("layout", CHINESE.values(), ids=CHINESE.keys())
def test_characters_and_marks_stand_on_the_plate_without_touching(layout) -> None:
    width, height = layout.size
    for x, y, w, h in (*layout.cells, *(mark.box for mark in layout.marks)):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
    for (x, y, w, h), (x2, y2, _, _) in zip(layout.cells, layout.cells[1:]):
        assert x + w <= x2 or y + h <= y2  # the next one, or the next row


def test_two_row_plates_use_the_glyphs_of_their_row(tmp_path: Path) -> None:
    """Each style is a plain shade, so that the shade tells which file was taken."""
    shades = {"220_川": 250, "220_up_A": 200, "220_down_A": 150, "220_5": 100, "140_警": 50}
    for name, ink in shades.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((20, 10), 255 - ink, dtype=np.uint8))
    glyphs, layout = FolderGlyphs(tmp_path), CHINESE["trailer"]
    found = [
        int(glyphs.mask(c, layout.style_of(i), 20, 10).mean()) for i, c in ((0, "川"), (1, "A"), (2, "A"), (3, "5"), (6, "警"))
    ]
    assert found == list(shades.values())
