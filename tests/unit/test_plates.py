"""Plate formats: built in, from a user's file, and every mistake explained."""

from __future__ import annotations

import sys

import pytest

from edgelpr.errors import MissingDependencyError, PlateFormatError
from edgelpr.plates.format import PlateFormat
from edgelpr.plates.loading import BUILT_IN, load_plate_format

GOOD = {"name": "mine", "alphabet": "0123456789", "positions": 4}


def changed(**values) -> dict:
    return GOOD | values


@pytest.mark.parametrize(
    ("name", "characters", "positions", "void"),
    [("aolp", 34, 6, False), ("gr", 36, 7, True), ("cn", 72, 8, True), ("latin", 36, 9, True)],
)
def test_built_in_formats(name, characters, positions, void):
    plate_format = load_plate_format(name)
    assert (len(plate_format.alphabet), plate_format.positions, plate_format.void) == (characters, positions, void)
    assert plate_format.classes == characters + int(void)
    assert name in BUILT_IN


def test_the_chinese_format_reads_seven_and_eight_characters():
    plate_format = load_plate_format("cn")
    for plate in ("皖A12345", "粤BD12345", "京A1234警", "粤Z1234港"):
        assert plate_format.decode(plate_format.encode(plate)) == plate


def test_classes_follow_the_alphabet_and_void_fills_up(tiny_format):
    assert tiny_format.encode("907") == (9, 0, 7, 10)
    assert tiny_format.decode((9, 10, 7, 10)) == "97"


@pytest.mark.parametrize(("plate", "words"), [("12a4", "outside the alphabet"), ("12345", "has 5 char"), ("", "has 0 char")])
def test_a_plate_that_does_not_fit_is_refused(tiny_format, plate, words):
    with pytest.raises(PlateFormatError, match=words):
        tiny_format.encode(plate)


def test_without_void_every_position_is_filled():
    with pytest.raises(PlateFormatError, match="expects 4"):
        PlateFormat(**GOOD).encode("123")


def test_input_size_follows_rows():
    assert PlateFormat(**GOOD).height_width == (50, 160)
    assert PlateFormat(**changed(rows=2)).height_width == (80, 128)
    assert PlateFormat(**changed(input_size=(64, 96))).height_width == (64, 96)


def test_a_pattern_becomes_allowed_classes():
    plate_format = PlateFormat("mine", "01AB", 2, void=True, pattern=("AB", "01"))
    assert plate_format.allowed_classes == ((False, False, True, True, True), (True, True, False, False, True))
    assert PlateFormat(**GOOD).allowed_classes is None


def test_plain_values_round_trip():
    plate_format = PlateFormat("mine", "01AB", 2, True, 2, (48, 96), ("AB", "01AB"))
    assert PlateFormat.from_dict(plate_format.to_dict()) == plate_format


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (changed(alphabet="0123456780"), "'0' more than once"),
        (changed(alphabet="01 3"), "blank"),
        (changed(alphabet="01\u200b3"), "unprintable"),
        (changed(alphabet="0"), "at least 2"),
        (changed(alphabet=123456789), "quote digits"),
        (changed(alphabet=["0", "1"]), "expected text"),
        (changed(positions=0), "1 to 16"),
        (changed(positions=17), "1 to 16"),
        (changed(positions="4"), "whole number"),
        (changed(positions=True), "whole number"),
        (changed(rows=3), "1 or 2"),
        (changed(void="yes"), "true or false"),
        (changed(name="  "), "without a name"),
        (changed(input_size=[50]), "height, width"),
        (changed(input_size=[50, "160"]), "height, width"),
        (changed(input_size=[8, 160]), "32 to 512"),
        (changed(pattern="0123"), "list of texts"),
        (changed(pattern=["0", "1"]), "2 entries"),
        (changed(pattern=["0", "1", "x", "3"]), "'x', absent from the alphabet"),
        (changed(pattern=["0", "1", "", "3"]), "position 3 is empty"),
        (changed(alphabets="01"), "unknown key alphabets"),
        ({"name": "mine"}, "missing key alphabet, positions"),
        (["name"], "found list"),
        (None, "found NoneType"),
    ],
)
def test_mistakes_are_explained(values, words):
    with pytest.raises(PlateFormatError, match=words) as caught:
        PlateFormat.from_dict(values, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")


def test_a_users_file_is_read(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text('\ufeffname: mine\nalphabet: "01AB"\npositions: 3\npattern: ["AB", "01", "01"]\n', encoding="utf-8")
    assert load_plate_format(path).pattern == ("AB", "01", "01")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name: [", "not valid YAML"),
        (b"name: !!python/object:os.system x", "not valid YAML"),
        (b"name: 2024-99-99", "not valid YAML"),
        (b"", "found NoneType"),
        (b"- a", "found list"),
        (b"name: \xff", "UTF-8"),
        (b"name: mine\nalphabet: 01234567\npositions: 4", "quote digits"),
        (b"name: mine\nalphabet: '0012'\npositions: 4", "more than once"),
    ],
)
def test_a_file_with_a_mistake_is_named(tmp_path, content, words):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(PlateFormatError, match=words) as caught:
        load_plate_format(path)
    assert str(path) in str(caught.value)


def test_a_board_is_told_to_install_the_one_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingDependencyError, match="Run: pip install pyyaml$"):
        load_plate_format("cn")


@pytest.mark.parametrize("name", ["mars", "x" * 5000, "a\0b", "."])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(PlateFormatError):
        load_plate_format(name)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(PlateFormatError, match="aolp, cn, gr, latin"):
        load_plate_format("mars")
