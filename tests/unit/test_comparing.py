"""``edgelpr compare``: two readers on the same plates, and sets that are not the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stub_engine import PLATES, draw_crop, stub_recognizer

from edgelpr.cli.main import run
from edgelpr.data.labels import LabelledCrop
from edgelpr.errors import DataError
from edgelpr.training.comparing import Comparison, Pair, compare_readings
from edgelpr.training.evaluation import evaluate
from edgelpr.training.readings import read_readings, readings_of
from edgelpr.training.reports import write_plates_csv

TRUE = [f"皖A{number:05}" for number in range(20)]


def write(path, reads, plates=TRUE, folder="plates"):
    """A CSV of a reader; ``reads`` gives what it read of the plates by number, right where it is not named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{folder}/{number:03}.jpg,{plate},{reads.get(number, plate)}" for number, plate in enumerate(plates)]
    path.write_text("\n".join(["image,plate,read", *lines]), encoding="utf-8")
    return path


def test_json(tmp_path, capsys):
    first = write(tmp_path / "a.csv", dict.fromkeys(range(9), "皖B00000"))
    second = write(tmp_path / "b.csv", {8: "皖B00000", 19: ""})
    assert run(["compare", str(first), str(second), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert list(values) == [
        "plates", "first", "second", "both_right", "only_first_right", "only_second_right", "neither_right", "difference",
        "difference_interval", "p_value", "p_value_mid", "verdict", "paired_by", "discordant",
    ]  # fmt: skip
    counts = [values[f"{key}_right"] for key in ("both", "only_first", "only_second", "neither")]
    assert (values["plates"], counts) == (20, [10, 1, 8, 1])
    assert (values["first"]["name"], values["first"]["correct"], values["second"]["correct"]) == ("a.csv", 11, 18)
    assert values["difference"] == pytest.approx(7 / 20)
    assert values["difference_interval"][0] < 7 / 20 < values["difference_interval"][1]
    assert values["p_value"] == pytest.approx(2 * 10 / 512)  # nine discordant, one against the trend
    assert values["verdict"].startswith("b.csv reads more plates right")
    assert len(values["discordant"]) == 9
    assert values["discordant"][-1]["plate"] == TRUE[19] and values["discordant"][-1]["second"] == ""


def test_text_and_a_difference_that_is_not_shown(tmp_path, capsys):
    first, second = write(tmp_path / "a" / "x.csv", {3: "皖A99999"}), write(tmp_path / "b" / "x.csv", {})
    assert run(["compare", str(first), str(second)]) == 0
    printed = capsys.readouterr()
    assert "+5.00 points" in printed.out
    assert "exact McNemar test" in printed.out and "p = 1 " in printed.out
    assert "Verdict: no difference shown" in printed.out
    assert "皖A99999" in printed.out and "003.jpg" in printed.out
    assert f"right by {second}" in printed.out  # one name for both files would tell nothing
    assert "paired by file name" in printed.err  # relative images in different folders


def test_a_test_and_an_interval_that_disagree_are_both_told():
    counts = ((True, True, 59), (True, False, 6), (False, True, 16), (False, False, 80))
    pairs = [
        Pair(Path("a.png"), "A", "A" if first else "", "A" if second else "")
        for first, second, number in counts
        for _ in range(number)
    ]
    verdict = Comparison(("a.csv", "b.csv"), tuple(pairs), "path").verdict
    assert verdict.startswith("undecided: the test shows no difference (exact McNemar test: p = 0.052)")
    assert "95 % interval +0.5 to +12.4 points leaves 0 out" in verdict and verdict.endswith("it is b.csv")
    assert "lies within" not in verdict


def test_verdicts_give_p_and_the_interval_as_numbers():
    def verdict(*counts):
        readings = (("A", "A"), ("A", ""), ("", "A"), ("", ""))
        pairs = [Pair(Path("a.png"), "A", *read) for read, number in zip(readings, counts) for _ in range(number)]
        return Comparison(("a.csv", "b.csv"), tuple(pairs), "path").verdict

    assert verdict(50, 0, 20, 5).startswith("b.csv reads more plates right; exact McNemar test: p < 0.0001; 95 % interval +")
    assert verdict(90, 3, 5, 2).startswith("no difference shown; exact McNemar test: p = 0.73; 95 % interval -")


def test_equal_readers(tmp_path, capsys):
    path = write(tmp_path / "a.csv", {3: "皖A99999"})
    assert run(["compare", str(path), str(path)]) == 0
    assert "Verdict: no difference: no plate was read right by one alone" in capsys.readouterr().out


def test_the_csv_of_an_evaluation_is_a_reader(tmp_path):
    crops = [
        LabelledCrop(draw_crop(tmp_path / f"{n}.png", 0), plate) for n, plate in enumerate([PLATES[0], "京A12345", PLATES[0]])
    ]
    crops[2].path.write_bytes(b"broken")
    evaluation = evaluate(stub_recognizer(), crops)
    write_plates_csv(tmp_path / "out" / "plates.csv", evaluation)
    readings = read_readings(tmp_path / "out" / "plates.csv")
    assert readings == readings_of(evaluation)
    assert [reading.read for reading in readings] == [PLATES[0], PLATES[0], ""]


def test_other_plates_are_refused_and_what_differs_is_said(tmp_path, capsys):
    first = write(tmp_path / "a.csv", {}, TRUE[:12])
    assert run(["compare", str(first), str(write(tmp_path / "b.csv", {}, TRUE[:10]))]) == 1
    assert "b.csv lacks 2 of the 12 plates of a.csv" in capsys.readouterr().err
    other_labels = [*TRUE[:11], "京C12345"]
    assert run(["compare", str(first), str(write(tmp_path / "b.csv", {}, other_labels))]) == 1
    error = capsys.readouterr().err
    assert "1 labels differ" in error and "京C12345" in error
    # Names of files agree, but it is another set: the labels tell.
    assert run(["compare", str(first), str(write(tmp_path / "c" / "b.csv", {}, TRUE[1:13]))]) == 1
    assert "12 labels differ" in capsys.readouterr().err


def test_names_that_are_not_unique_are_not_paired(tmp_path):
    def readings(folders):
        lines = [f"{folder}/0.jpg,A1,A1" for folder in folders]
        path = tmp_path / "readings.csv"
        path.write_text("\n".join(["image,plate,read", *lines]), encoding="utf-8")
        return read_readings(path)

    with pytest.raises(DataError, match="lacks 1 of the 2 plates"):
        compare_readings(readings(["a", "b"]), readings(["a", "c"]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("image,plate\n1.jpg,A1\n", "no column 'read'"),
        ("image,plate,read\n", "no plate below it"),
        ("image,plate,read\n1.jpg,A1\n", "line 2: expected an image"),
        ("image,plate,read\n1.jpg,,A1\n", "line 2: expected an image"),
        ("image,plate,read\n1.jpg,A1,A1\n1.jpg,A1,A2\n", "line 3: 1.jpg stands on line 2 already"),
    ],
)
def test_files_with_mistakes(tmp_path, capsys, content, words):
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    assert run(["compare", str(path), str(path)]) == 1
    error = capsys.readouterr().err
    assert str(path) in error and words in error


def test_an_absent_file(tmp_path, capsys):
    assert run(["compare", str(tmp_path / "no.csv"), str(tmp_path / "no.csv")]) == 1
    assert "no.csv: cannot be read" in capsys.readouterr().err
