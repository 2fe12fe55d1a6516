"""The calibration record: what it keeps, and every way in which it does not fit."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edgelpr.calibration.ranges import Range
from edgelpr.calibration.record import RECORD_SCHEMA, CalibrationRecord, RecordedImages, Trial
from edgelpr.errors import CalibrationError
from edgelpr.preprocessing.crop import Preprocessing

GRAPH = "a" * 64
PREPROCESSING = Preprocessing().to_dict()
RECORD = CalibrationRecord(
    edgelpr_version="0.1.0",
    graph_sha256=GRAPH,
    preprocessing=PREPROCESSING,
    images=RecordedImages(found=7, seed=3, sha256=("b" * 64, "c" * 64), names=("one.jpg", "京A12345.png")),
    methods={"int8": "entropy", "int8-cpu": "percentile"},
    ranges={
        "int8": {"input": Range(0.0, 1.0), "conv": Range(-0.1, 5.5), "none": Range(0.0, 0.0)},
        "int8-cpu": {"input": Range(0.0, 1.0), "conv": Range(-1 / 3, 5.0), "none": Range(0.0, 0.0)},
    },
    kept={"int8-cpu": ("first convolution",)},
    chosen_on=("d" * 64,),
    trials=(Trial("int8", "entropy", 1, 0.012, 50), Trial("int8", "min-max", 2, 0.02, 50)),
    versions={"onnxruntime": "1.23.2"},
    warnings=("one camera",),
)


def plain():
    return json.loads(RECORD.to_json())


def changed(path, value):
    """Plain values with one of them replaced, or removed where the value is ``...``."""
    values = plain()
    *way, last = path
    place = values
    for key in way:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return values


def test_a_record_comes_back_as_it_was():
    assert CalibrationRecord.from_json(RECORD.to_json()) == RECORD
    assert CalibrationRecord.from_json(RECORD.to_json().encode()) == RECORD
    assert CalibrationRecord.from_dict(RECORD.to_dict()) == RECORD
    assert RECORD.images.count == 2


def test_a_value_altered_by_hand_is_refused_and_so_is_a_record_without_a_digest():
    with pytest.raises(CalibrationError, match=r"was altered by hand: its content does not match its digest.*copy the record"):
        CalibrationRecord.from_dict(changed(("ranges", "int8", "conv"), [-0.2, 5.5]))
    with pytest.raises(CalibrationError, match="schema 1 has no digest"):
        CalibrationRecord.from_dict(changed(("schema",), 1))


def test_a_record_of_one_file_without_trials_comes_back():
    small = replace(RECORD, methods={"int8": "min-max"}, ranges={"int8": {}}, kept={}, trials=(), warnings=())
    assert CalibrationRecord.from_json(small.to_json()) == small


def test_a_record_fits_its_model():
    RECORD.check(GRAPH, PREPROCESSING, ["conv", "input"])


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("d" * 64, PREPROCESSING, []), ["another model", GRAPH, "d" * 64]),
        ((GRAPH, PREPROCESSING | {"width": 94}, []), ["other preprocessing", "'width': 160", "'width': 94"]),
        ((GRAPH, PREPROCESSING, ["conv", "absent", "gone"]), ["lacks 2 of the 3", "'absent'", "'int8'", "3 tensors"]),
    ],
    ids=["graph", "preprocessing", "tensor"],
)
def test_a_record_of_something_else_is_refused_with_both_sides(arguments, parts):
    with pytest.raises(CalibrationError) as error:
        RECORD.check(*arguments)
    for part in (*parts, "edgelpr calibrate"):
        assert part in str(error.value)


def test_a_tensor_missing_from_one_set_alone_is_noticed():
    ranges = {file: dict(found) for file, found in RECORD.ranges.items()}
    del ranges["int8-cpu"]["conv"]
    with pytest.raises(CalibrationError, match="'int8-cpu'"):
        replace(RECORD, ranges=ranges).check(GRAPH, PREPROCESSING, ["conv"])


@pytest.mark.parametrize("key", [*plain(), "images.seed", "trials.0.method"])
def test_a_missing_key_is_refused(key):
    path = [int(part) if part.isdigit() else part for part in key.split(".")]
    with pytest.raises(CalibrationError, match=str(path[-1])):
        CalibrationRecord.from_dict(changed(path, ...))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["extra"], 1, "unknown key extra"),
        (["images", "extra"], 1, "unknown key extra"),
        (["trials", 0, "extra"], 1, "trial 1: unknown key extra"),
        (["schema"], RECORD_SCHEMA + 1, "is newer than .* upgrade edgelpr"),
        (["schema"], True, "no calibration record"),
        (["schema"], "1", "no calibration record"),
        (["graph_sha256"], "A" * 64, "64 lower-case"),
        (["images", "sha256", 0], "b" * 63, "64 lower-case"),
        (["images", "found"], 1, "at least as many found"),
        (["images", "names"], ["one.jpg"], "a name for each image"),
        (["images", "seed"], 1.5, "whole number"),
        (["methods", "int8"], "max", "min-max, percentile, entropy"),
        (["methods", "int4"], "min-max", "int8, int8-cpu"),
        (["methods", "int8"], ..., "the same files"),
        (["ranges", "int8-cpu"], ..., "the same files"),
        (["ranges", "int8", "conv"], [0.0, 1.0, 2.0], "expected two numbers"),
        (["ranges", "int8", "conv"], [0.5, 1.0], "range of 'conv'.* zero between"),
        (["ranges", "int8", "conv"], [None, 1.0], "range of 'conv'.* expected a number"),
        (["ranges", "int8", "conv"], ["0", True], "expected a number"),
        (["ranges", "int8"], [], "expected an object"),
        (["kept", "int8"], "conv", "expected a list"),
        (["trials", 1, "mean_shift"], "0.1", "expected a number"),
        (["versions", "onnx"], 1, "expected a text"),
        (["warnings"], [1], "expected a text"),
        (["preprocessing"], [], "expected an object"),
    ],
)
def test_a_wrong_value_is_refused_by_name(path, value, message):
    with pytest.raises(CalibrationError, match=message):
        CalibrationRecord.from_dict(changed(path, value))


@pytest.mark.parametrize("values", [[], None, "record", 3])
def test_what_is_no_object_is_refused(values):
    with pytest.raises(CalibrationError, match="expected an object"):
        CalibrationRecord.from_dict(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        (RECORD.to_json().replace("5.5", "NaN"), "NaN is no finite number"),
        (RECORD.to_json().replace("5.5", "1e999"), "1e999 is no finite number"),
        (RECORD.to_json().replace('"seed"', '"found"'), "stands twice"),
        (RECORD.to_json() + " " * (4 << 20), "larger than 4 MiB"),
        ("\ud800", "not valid JSON"),
    ],
    ids=["cut", "nan", "infinite", "twice", "large", "surrogate"],
)
def test_a_damaged_text_is_refused(text, message):
    with pytest.raises(CalibrationError, match=message) as error:
        CalibrationRecord.from_json(text, "bundle/calibration.json")
    assert str(error.value).startswith("bundle/calibration.json")


def test_what_json_cannot_hold_is_not_written():
    for bad in (replace(RECORD, preprocessing={"height": float("nan")}), replace(RECORD, warnings=("\ud800",))):
        with pytest.raises(CalibrationError, match="plain, finite values"):
            bad.to_json()


def test_fields_that_contradict_each_other_are_refused():
    with pytest.raises(CalibrationError, match="methods of int8, int8-cpu, ranges of int8"):
        replace(RECORD, ranges={"int8": {}})
    with pytest.raises(CalibrationError, match="nodes kept of int8-cpu"):
        replace(RECORD, methods={"int8": "entropy"}, ranges={"int8": {}})
