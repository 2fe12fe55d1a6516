"""What the benchmarks of accuracy do with what they measured: cards, peers, patterns, pairs."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner
from stub_engine import PLATES, draw_crop, stub_recognizer

from edgelpr.benchmarks.cards import card_entry, read_card, update_card
from edgelpr.benchmarks.peers import load_peers
from edgelpr.benchmarks.results import result_name
from edgelpr.data.labels import LabelledCrop
from edgelpr.errors import CheckpointError, DataError
from edgelpr.training.evaluation import evaluate

pytest.importorskip("torch", reason="measuring weights needs the extra 'export'")
from edgelpr.benchmarks.real_plates import Measured, compare_pairs

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def plates(tmp_path):
    """A folder with the sets ccpd and easypr: three plates each, of which the stub reads two right."""
    for name in ("ccpd", "easypr"):
        lines = ["image,plate,split"]
        for number, plate in enumerate([PLATES[0], PLATES[1], "京B67899"]):
            draw_crop(tmp_path / "data" / name / f"{number}.png", min(number, 1))
            lines.append(f"{number}.png,{plate},test")
        (tmp_path / "data" / name / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "data"


def measured(folder, weights="mine", data="ccpd", right=2):
    labels = [PLATES[0]] * right + ["京A12345"] * (3 - right)
    crops = [LabelledCrop(draw_crop(folder / data / f"{n}.png"), plate) for n, plate in enumerate(labels)]
    return Measured(weights, data, "test", evaluate(stub_recognizer(), crops))


def test_a_card_is_updated_in_place(tmp_path):
    card = tmp_path / "card.json"
    other = {"data": "captures", "plates": 12, "plate_accuracy": 0.75}
    card.write_text(json.dumps({"name": "mine", "accuracy": [other], "licence": "x"}), encoding="utf-8")
    update_card(card, [card_entry(measured(tmp_path, right=1))])
    update_card(card, [card_entry(measured(tmp_path, right=2)), card_entry(measured(tmp_path, data="easypr"))])
    written = json.loads(card.read_text(encoding="utf-8"))
    assert list(written) == ["name", "accuracy", "licence"]
    assert [entry["data"] for entry in written["accuracy"]] == ["captures", "ccpd, test part", "easypr, test part"]
    entry = written["accuracy"][1]
    assert (entry["correct"], entry["plates"], entry["plate_accuracy"]) == (2, 3, 0.6667)
    assert entry["expected_calibration_error"] == round(2 / 3 - 0.9**8, 4)
    assert "seconds_per_plate" not in entry and "weights" not in entry and len(entry["data_sha256"]) == 64
    assert [path.name for path in tmp_path.glob("*card*")] == ["card.json"]


def test_the_threshold_on_a_card_still_accepts_its_plate(tmp_path):
    item = measured(tmp_path, right=3)
    exact = item.evaluation.acceptance.threshold
    entry = card_entry(item)
    assert exact - 1e-6 < entry["threshold_at_99_precision"] <= exact


@pytest.mark.parametrize("content", ["not json", "[]", '{"accuracy": [1]}', '{"accuracy": 1}'])
def test_a_card_that_is_none(tmp_path, content):
    (tmp_path / "card.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"card\.json"):
        read_card(tmp_path / "card.json")


def test_weights_of_one_set_are_compared_in_pairs(tmp_path):
    items = [measured(tmp_path, name, data) for name in ("a", "b", "c") for data in ("ccpd", "easypr")]
    found = [(data, *comparison.names) for data, comparison in compare_pairs(items)]
    assert sorted(found) == [(d, *pair) for d in ("ccpd", "easypr") for pair in (("a", "b"), ("a", "c"), ("b", "c"))]


def test_the_peers_in_the_repository_are_whole_plates():
    peers = load_peers(BENCHMARKS / "suites" / "peers.yaml")
    assert {name: len(each) for name, each in peers.items()} == {"ccpd": 6, "easypr": 6, "eu": 2, "br": 2}
    rapid = peers["ccpd"][0]
    assert (rapid.name, rapid.correct, rapid.plates) == ("RapidOCR", 193, 195)
    against = rapid.against(192, 195)
    assert against["difference"] == pytest.approx(-1 / 195) and against["paired"] is False
    low, high = against["difference_interval"]
    assert low < -1 / 195 < high and against["p_value"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ccpd: {plates: 195, right: {X: 99.2}}", "no number of 195 plates is 99.2 %"),
        ("ccpd: {right: {X: 99.2}}", "expected sets"),
        ("ccpd: {plates: many, right: {X: 99.2}}", "plates of ccpd is 'many'; expected how many"),
        ("ccpd: {plates: 0, right: {X: 99.2}}", "plates of ccpd is 0; expected how many"),
        ("ccpd: {plates: 195, right: {X: much}}", "expected sets"),
        ("ccpd: {plates: 195, right: {X: .nan}}", "expected sets"),
        ("- a", "expected sets"),
        ("a: [", "expected sets"),
    ],
)
def test_peers_with_a_mistake(tmp_path, content, words):
    (tmp_path / "peers.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=words):
        load_peers(tmp_path / "peers.yaml")


def test_names_of_results_are_plain():
    assert result_name(["real-plates", "a b/c", "x+y"]) == "real-plates_a-b-c_x+y.json"


def script(name, monkeypatch):
    """A script of benchmarks/ whose measuring is the stub's: the weights 'worse' misread the first plate."""

    def measure(weights, labelled, threads=None, pattern=None):
        evaluation = evaluate(stub_recognizer(), labelled)
        if weights != "worse" and pattern is None:
            return evaluation
        spoilt = type(evaluation.scores[0])(labelled[0], "皖A99999", 0.2, 0.001)
        return type(evaluation)((spoilt, *evaluation.scores[1:]), "fp32", "onnxruntime", evaluation.data_sha256)

    from edgelpr.plates.loading import load_plate_format

    monkeypatch.setattr("edgelpr.benchmarks.real_plates.measure", measure)
    monkeypatch.setattr("edgelpr.benchmarks.real_plates.plate_format_of", lambda weights: load_plate_format("cn"))
    return runpy.run_path(str(BENCHMARKS / f"{name}.py"))["main"]


def test_real_plates_writes_its_result_and_the_card(plates, tmp_path, monkeypatch):
    card, output = tmp_path / "card.json", tmp_path / "result.json"
    card.write_text('{"name": "mine", "accuracy": []}', encoding="utf-8")
    arguments = ["--weights", "mine", "--weights", "worse", "--data", str(plates), "--card", str(card), "--output", str(output)]
    outcome = CliRunner().invoke(script("real_plates", monkeypatch), arguments)
    assert outcome.exit_code == 0, outcome.output
    result = json.loads(output.read_text(encoding="utf-8"))
    assert [(each["weights"], each["data"], each["correct"]) for each in result["measured"]] == [
        ("mine", "ccpd", 2), ("mine", "easypr", 2), ("worse", "ccpd", 1), ("worse", "easypr", 1),
    ]  # fmt: skip
    assert {"data_sha256", "plate_accuracy_interval", "expected_calibration_error", "accuracy_at_99_precision", "wrong"} <= set(
        result["measured"][0]
    )
    assert result["measured"][0]["peers"] == []  # three plates are not the set that the peers read
    assert [(each["data"], each["only_first_right"], each["p_value"]) for each in result["comparisons"]] == [
        ("ccpd", 1, 1.0), ("easypr", 1, 1.0),
    ]  # fmt: skip
    assert [each["correct"] for each in json.loads(card.read_text(encoding="utf-8"))["accuracy"]] == [2, 2]


def test_real_plates_refuses_a_card_of_other_weights_before_it_measures(plates, tmp_path, monkeypatch):
    (tmp_path / "card.json").write_text('{"name": "other"}', encoding="utf-8")
    arguments = ["--weights", "mine", "--data", str(plates), "--card", str(tmp_path / "card.json")]
    outcome = CliRunner().invoke(script("real_plates", monkeypatch), arguments)
    assert outcome.exit_code == 2 and "is the card of 'other'" in outcome.output and "plates," not in outcome.output


def test_pattern_compares_with_and_without(plates, tmp_path, monkeypatch):
    output = tmp_path / "result.json"
    arguments = ["--weights", "mine", "--pattern", "cn", str(plates / "ccpd"), "--output", str(output)]
    outcome = CliRunner().invoke(script("pattern", monkeypatch), arguments)
    assert outcome.exit_code == 0, outcome.output
    (found,) = json.loads(output.read_text(encoding="utf-8"))["sets"]
    assert (found["without"]["correct"], found["with"]["correct"], found["labels_beyond_pattern"]) == (2, 1, 0)
    assert found["comparison"]["difference"] == pytest.approx(-1 / 3)
    assert "0.png: 皖A12345, without 皖A12345, with 皖A99999" in outcome.output
