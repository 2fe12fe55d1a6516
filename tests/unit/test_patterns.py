"""Patterns a position: what they allow, how they mask, and mistakes in a user's own."""

from __future__ import annotations

import numpy as np
import pytest

from edgelpr.errors import PlateFormatError
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import load_plate_format
from edgelpr.plates.patterns import BUILT_IN_PATTERNS, load_pattern
from edgelpr.runtime.decoding import class_mask, decode_logits


def narrowed(name):
    pattern = load_pattern(name)
    return pattern.apply(load_plate_format(pattern.plate_format))


@pytest.mark.parametrize(
    ("name", "follow", "break_"),
    [
        (
            "cn",
            [
                "皖A12345",
                "粤BD12345",
                "粤B12345D",
                "京A1234警",
                "粤Z1234港",
                "粤Z1234澳",
                "苏B1234学",
                "鲁C1234挂",
                "沪A1234领",
                "京A1234使",
            ],
            ["A皖12345", "皖112345", "京警12345", "京A警2345", "皖A1234", "粤BD1234警", "粤B12345Z", "使123456", "皖A皖2345"],
        ),
        ("gr", ["ABE1234", "TAX0000"], ["ABC1234", "AB12345", "ABE123", "ABE123O"]),
        ("br", ["ABC1234", "ABC1D23", "OOO0000"], ["ABC12345", "0BC1234", "ABCD123", "ABC12D4", "ABC123"]),
        ("br-grey", ["ABC1234"], ["ABC1D23", "ABC12345"]),
    ],
)
def test_built_in_patterns(name, follow, break_):
    plate_format = narrowed(name)
    for plate in follow:
        assert plate_format.follows_pattern(plate), plate
        assert plate_format.decode(plate_format.encode(plate)) == plate
    assert [plate for plate in break_ if plate_format.follows_pattern(plate)] == []
    assert name in BUILT_IN_PATTERNS and len(load_pattern(name).covers) > 40


@pytest.mark.parametrize("name", BUILT_IN_PATTERNS)
def test_every_reading_under_a_pattern_follows_it(name):
    """Whatever the scores, position by position, the text obeys the pattern: void comes only at the end."""
    plate_format = narrowed(name)
    mask = class_mask(plate_format)
    assert mask is not None and mask.any(axis=1).all()
    scores = np.random.default_rng(0).normal(0, 5, (500, plate_format.positions, plate_format.classes)).astype(np.float32)
    classes, probabilities = decode_logits(scores, mask)
    assert all(plate_format.follows_pattern(plate_format.decode(list(row))) for row in classes)
    assert {len(plate_format.decode(list(row))) for row in classes} == set(
        range(plate_format.shortest, plate_format.longest + 1)
    )
    assert probabilities.min() > 0


def test_the_probability_is_a_share_of_what_is_left():
    plate_format = PlateFormat("mine", "O0D", 1, pattern=("0D",))
    scores = np.log(np.array([[[0.6, 0.3, 0.1]]], dtype=np.float32))
    assert decode_logits(scores)[1][0, 0] == pytest.approx(0.6)
    classes, probabilities = decode_logits(scores, class_mask(plate_format))
    assert (classes[0, 0], probabilities[0, 0]) == (1, pytest.approx(0.75))


def test_void_and_positions_that_no_plate_reaches():
    plate_format = PlateFormat("mine", "01A", 4, void=True, pattern=("A", "01", "01", ""), shortest=2)
    assert plate_format.longest == 3
    assert [row[-1] for row in plate_format.allowed_classes] == [False, False, True, True]
    assert plate_format.allowed_classes[3] == (False, False, False, True)
    assert PlateFormat.from_dict(plate_format.to_dict()) == plate_format
    lengths = PlateFormat("mine", "01A", 3, void=True, shortest=2)
    assert [row[-1] for row in lengths.allowed_classes] == [False, False, True]
    assert lengths.follows_pattern("A1") and not lengths.follows_pattern("A")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"pattern": ("A", "", "01")}, "position 2 is empty"),
        ({"pattern": ("", "", "")}, "position 1 is empty"),
        ({"pattern": ("A", "01", ""), "void": False}, "position 3 is empty"),
        ({"shortest": 4}, "expected 1 to 3"),
        ({"shortest": 0}, "expected 1 to 3"),
        ({"shortest": 3, "pattern": ("A", "01", "")}, "expected 1 to 2"),
        ({"shortest": 2, "void": False}, "a format with void"),
        ({"shortest": True}, "whole number"),
        ({"shortest": "2"}, "whole number"),
    ],
)
def test_patterns_that_contradict_themselves(values, words):
    with pytest.raises(PlateFormatError, match=words):
        PlateFormat(**({"name": "mine", "alphabet": "01A", "positions": 3, "void": True} | values))


def test_a_pattern_belongs_to_its_plate_format():
    with pytest.raises(PlateFormatError, match="is for the plate format 'latin', and this is 'cn'"):
        load_pattern("br").apply(load_plate_format("cn"))


GOOD = 'name: mine\nplate_format: mine\ncovers: all of mine\npattern: ["A", "01"]\n'


def test_a_users_pattern(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    plate_format = load_pattern(path).apply(PlateFormat("mine", "01A", 2))
    assert plate_format.pattern == ("A", "01")
    with pytest.raises(PlateFormatError, match="pattern 'mine' does not fit: .*2 entries"):
        load_pattern(path).apply(PlateFormat("mine", "01A", 3))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "found NoneType"),
        ("name: [", "not valid YAML"),
        (GOOD + "shorter: 1\n", "unknown key shorter"),
        ("name: mine\n", "missing key plate_format, covers, pattern"),
        (GOOD.replace("all of mine", "7"), "covers is 7"),
        (GOOD.replace('"01"', "1"), "quote digits"),
    ],
)
def test_a_pattern_file_with_a_mistake_is_named(tmp_path, content, words):
    path = tmp_path / "mine.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PlateFormatError, match=words) as caught:
        load_pattern(path)
    assert str(path) in str(caught.value)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(PlateFormatError, match="pattern 'mars': no such file.* br, br-grey, cn, gr"):
        load_pattern("mars")
