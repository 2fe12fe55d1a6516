"""Plates with Latin letters: texts that fit, cells that lie right, letters that are all there, fonts with their licences."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgelpr.data.rendering.fonts import bundled_font, letter_fonts
from edgelpr.data.rendering.glyphs import FontGlyphs
from edgelpr.data.rendering.latin.drawing import draw_aolp, draw_greek, draw_latin
from edgelpr.data.rendering.latin.european import SCHEMES
from edgelpr.data.rendering.latin.lettering import Lettering, choose_style
from edgelpr.data.rendering.latin.pen import INK_HEIGHT, Pen
from edgelpr.data.rendering.latin.rows import set_row
from edgelpr.data.rendering.latin.skeletons import SKELETONS
from edgelpr.data.rendering.layouts import Layout
from edgelpr.data.rendering.library import LibraryGlyphs, built_in_glyphs, letter_ink, proportion
from edgelpr.data.rendering.sources import GlyphSources
from edgelpr.data.rendering.texts import draw
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LATIN, AOLP, GREEK = (load_plate_format(name) for name in ("latin", "aolp", "gr"))
FORMATS = {"latin": LATIN, "aolp": AOLP, "gr": GREEK}
ROOT = Path(__file__).resolve().parents[2]


def plates(plate_format: PlateFormat, count: int) -> list[tuple[str, Layout]]:
    return [draw(plate_format, np.random.default_rng((3, number))) for number in range(count)]


@pytest.mark.parametrize("name", FORMATS)
def test_texts_fit_the_format_and_have_a_cell_a_character(name: str) -> None:
    for text, layout in plates(FORMATS[name], 600):
        FORMATS[name].encode(text)
        assert len(text) == len(layout.cells), layout.name
        assert 4 <= len(text) <= FORMATS[name].positions, (text, layout.name)


@pytest.mark.parametrize("name", FORMATS)
def test_cells_lie_on_the_plate_in_reading_order(name: str) -> None:
    for text, layout in plates(FORMATS[name], 600):
        width, height = layout.size
        tops = sorted({cell[1] for cell in layout.cells})
        assert len(tops) <= 2
        assert layout.name.endswith("-square") is (len(tops) == 2 and tops[1] > tops[0] + 0.2 * height) or name != "latin"
        for one, other in zip(layout.cells, layout.cells[1:]):
            assert other[1] > one[1] or other[0] >= one[0] + one[2] - 1e-6, (text, layout.name)
        for left, top, wide, high in layout.cells:
            assert left >= 0 and top >= 0 and left + wide <= width + 1e-6 and top + high <= height + 1e-6, (text, layout.name)
            assert wide > 2 and high > 20


def test_every_character_is_common_among_latin_plates() -> None:
    counts = Counter(character for text, _ in plates(LATIN, 3000) for character in text)
    letters = [counts[character] for character in CHARACTERS[10:]]
    assert set(counts) == set(CHARACTERS)
    assert min(letters) > 0.6 * np.mean(letters) and min(counts[digit] for digit in "0123456789") > np.mean(letters)


def test_aolp_plates_have_six_characters_in_its_groupings() -> None:
    shapes = Counter("".join("d" if c.isdigit() else "l" for c in text) for text, _ in plates(AOLP, 600))
    assert set(shapes) == {"lldddd", "ddddll", "lddddd", "dldddd", "ddddld", "dddddl"}
    assert shapes["lldddd"] > 100


def test_greek_plates_have_three_letters_and_four_digits_mostly() -> None:
    texts = [text for text, _ in plates(GREEK, 400)]
    common = [text for text in texts if len(text) == 7 and text[:3].isalpha() and text[3:].isdigit()]
    assert len(common) > 0.8 * len(texts)
    assert any(len(text) == 6 for text in texts) and any(text.startswith("TA") for text in texts)


def test_latin_plates_come_from_many_countries_and_in_two_rows_now_and_then() -> None:
    names = Counter(layout.name for _, layout in plates(LATIN, 1500))
    assert len(names) > 40
    assert 0.03 < sum(count for name, count in names.items() if name.endswith("-square")) / 1500 < 0.15


@pytest.mark.parametrize("function", [draw_latin, draw_aolp, draw_greek])
def test_the_same_random_numbers_give_the_same_plate(function) -> None:
    assert function(LATIN, np.random.default_rng(5)) == function(LATIN, np.random.default_rng(5))


def test_every_pattern_of_europe_fits_nine_characters() -> None:
    lengths = [sum(symbol.isalnum() for symbol in pattern) for scheme in SCHEMES for pattern in scheme.patterns]
    assert max(lengths) <= LATIN.positions


@pytest.mark.parametrize("name", ["mine", "latin"])
@pytest.mark.parametrize("rows", [1, 2])
def test_a_format_with_a_pattern_gets_its_own_texts_on_any_face(name: str, rows: int) -> None:
    pattern = ("AB", "XYZ", "0123456789", "789", "Q")
    mine = PlateFormat(name=name, alphabet=CHARACTERS, positions=5, rows=rows, pattern=pattern)
    drawn = plates(mine, 60)
    assert all(mine.follows_pattern(text) and len(layout.cells) == 5 for text, layout in drawn)
    assert len({layout.style for _, layout in drawn}) > 20
    assert rows == 1 or all(len({cell[1] for cell in layout.cells}) == 2 for _, layout in drawn)


@pytest.mark.parametrize(("name", "more"), [("mine", ""), ("mine", "ÄÖÜ"), ("latin", "")])
def test_every_length_that_a_format_allows_is_drawn(name: str, more: str) -> None:
    mine = PlateFormat(name=name, alphabet=CHARACTERS + more, positions=9, void=True, shortest=2)
    lengths = Counter(len(text) for text, _ in plates(mine, 240))
    assert set(lengths) == set(range(2, 10)) and min(lengths.values()) > 10
    assert all(mine.follows_pattern(text) for text, _ in plates(mine, 20))


def test_a_format_that_names_no_shortest_gets_its_four_longest() -> None:
    mine = PlateFormat(name="mine", alphabet=CHARACTERS, positions=9, void=True)
    assert {len(text) for text, _ in plates(mine, 120)} == {6, 7, 8, 9}


@pytest.mark.parametrize("name", sorted(letter_fonts()))
def test_a_font_has_every_character_and_a_licence(name: str) -> None:
    inks = {character: letter_ink(f"font {name}", character) for character in CHARACTERS}
    shapes = {ink.tobytes() for ink in inks.values() if ink is not None and ink.max() > 200}
    assert len(shapes) >= 35  # a font may draw O and 0 alike, nothing else
    readme = (letter_fonts()[name].parents[1] / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in readme.splitlines() if line.startswith(f"| {name}.ttf |")]
    licence = (letter_fonts()[name].parent / row.split("|")[4].strip()).read_text(encoding="utf-8")
    assert "Permission is hereby granted" in licence and "with Reserved Font Name" not in licence


@pytest.mark.parametrize("path", [bundled_font(), *letter_fonts().values()], ids=lambda path: path.stem)
def test_no_font_says_of_itself_that_all_rights_are_reserved(path: Path) -> None:
    names = name_records(path.read_bytes())
    terms = f"{names.get(13, '')} {names.get(14, '')}"
    assert names[0]
    assert "all rights reserved" not in names[0].lower() or any(
        word in terms for word in ("OFL", "SIL Open Font License", "openfontlicense.org", "MIT", "apache.org/licenses")
    ), names[0]


def name_records(font: bytes) -> dict[int, str]:
    """Texts of the table ``name`` of a TrueType or OpenType font, by what they are: 0 copyright, 13 licence, 14 its address."""
    tables = {}
    for number in range(struct.unpack(">H", font[4:6])[0]):
        tag, _, offset, _ = struct.unpack(">4sIII", font[12 + 16 * number : 28 + 16 * number])
        tables[tag] = offset
    start = tables[b"name"]
    _, count, texts = struct.unpack(">3H", font[start : start + 6])
    found = {}
    for number in range(count):
        record = font[start + 6 + 12 * number : start + 18 + 12 * number]
        platform, _, _, name, length, offset = struct.unpack(">6H", record)
        text = font[start + texts + offset : start + texts + offset + length]
        found[name] = text.decode("mac-roman" if platform == 1 else "utf-16-be")
    return found


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_a_pen_draws_every_character_differently(skeleton: str) -> None:
    inks = {character: Pen(skeleton, 13).draw(character) for character in CHARACTERS}
    assert all(ink is not None and ink.shape[0] == INK_HEIGHT and ink.max() == 255 for ink in inks.values())
    alike = {"square": 2}.get(skeleton, 0)  # old British dies have one shape for O and 0 and one for I and 1
    assert len({ink.tobytes() for ink in inks.values()}) == len(CHARACTERS) - alike


def test_a_heavier_pen_leaves_more_ink_and_a_style_names_its_pen() -> None:
    light, heavy = (Pen("plain", weight).draw("8") for weight in (10, 16))
    assert (heavy > 128).mean() > 1.2 * (light > 128).mean()
    assert Pen.of(Pen("notched", 12, 90, 60).style) == Pen("notched", 12, 90, 60)
    assert Pen("plain", 12).draw("é") is None


def test_letters_keep_their_proportions() -> None:
    for style in (Pen("plain", 13).style, "font barlow-500"):
        assert proportion(style, "I") < 0.5 * proportion(style, "O") < proportion(style, "W")
    row = set_row("IW", (0.0, 0.0, 200.0, 50.0), Lettering(Pen("plain", 13).style))
    assert row.cells[0][2] < 0.4 * row.cells[1][2]


def test_a_row_is_squeezed_into_its_room() -> None:
    row = set_row("WWW-WWWWW", (10.0, 0.0, 120.0, 60.0), Lettering(Pen("plain", 13).style))
    assert row.cells[0][0] >= 10 and row.cells[-1][0] + row.cells[-1][2] <= 130 + 1e-6
    ((symbol, box),) = row.separators
    assert symbol == "-" and row.cells[2][0] + row.cells[2][2] <= box[0] <= row.cells[3][0]


def test_every_style_that_can_be_chosen_can_be_drawn() -> None:
    rng = np.random.default_rng(0)
    glyphs = LibraryGlyphs()
    families = ("narrow", "notched", "square", "forgery", "taiwan", "american", "any")
    for style in {choose_style(family, rng) for family in families for _ in range(60)}:
        mask = glyphs.mask("8", style, 60, 30)
        assert mask.shape == (60, 30) and mask.dtype == np.uint8 and 0.2 < (mask > 128).mean() < 0.95, style


def test_formats_of_latin_letters_need_no_font_and_others_get_the_one_in_the_package() -> None:
    assert isinstance(built_in_glyphs(AOLP), LibraryGlyphs)
    assert isinstance(built_in_glyphs(load_plate_format("cn")), FontGlyphs)
    assert LibraryGlyphs().mask("皖", "any", 90, 45).max() > 200


def test_narrow_characters_are_not_blown_up_in_cells_of_one_width() -> None:
    ink = LibraryGlyphs().mask("I", "any", 60, 40)
    assert (ink.max(axis=0) > 128).sum() < 15


@pytest.mark.parametrize("name", FORMATS)
def test_rendered_plates_have_their_boxes_inside(name: str) -> None:
    renderer = GlyphSources().renderer(FORMATS[name])
    for number in range(25):
        plate = renderer.render(4, number)
        height, width = plate.image.shape[:2]
        assert plate.boxes.shape == (len(plate.plate), 4) and (plate.boxes >= 0).all()
        assert (plate.boxes[:, [0, 2]] <= width + 1e-3).all() and (plate.boxes[:, [1, 3]] <= height + 1e-3).all()
        again = renderer.render(4, number)
        assert np.array_equal(plate.image, again.image) and plate.plate == again.plate
