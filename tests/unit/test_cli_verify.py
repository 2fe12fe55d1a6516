"""``edgelpr verify``: what it prints, records and refuses."""

from __future__ import annotations

import csv
import errno
import json
import os
from dataclasses import replace

import pytest
from sample_reduced import PLATES, calibrated, labelled_as_read, spoil_tensor

from edgelpr.benchmarks.bisecting.speed import Speed
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.manifest import FileRecord
from edgelpr.bundle.updating import update_bundle
from edgelpr.calibration.opening import read_record
from edgelpr.calibration.record import CALIBRATION
from edgelpr.cli.main import run
from edgelpr.data.digest import pixel_sha256
from edgelpr.runtime.recognizer import Recognizer

ALLOWED = ("--max-loss", "15")  # rounding costs a network this small some plates
ENOUGH = ("--least-plates", "40")
QUICK = (*ALLOWED, *ENOUGH, "--threads", "1", "--no-timing")


@pytest.fixture
def made(tiny_manifest, tmp_path):
    """Path of a calibrated bundle, of labels that fp32 reads right, and the plates."""

    def make(spoil=None):
        bundle = calibrated(tmp_path / "small.elpr", tiny_manifest(maps=False), spoil)
        (tmp_path / "crops").mkdir()
        plates = labelled_as_read(bundle, tmp_path / "crops")
        return bundle.path, write_labels(tmp_path / "labels.csv", plates), plates

    return make


def write_labels(path, plates, split=None):
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "plate", *(["split"] if split else [])])
        writer.writerows([str(crop.path), crop.plate, *([split(crop)] if split else [])] for crop in plates)
    return path


def verify(bundle, labels, *options):
    return run(["verify", str(bundle), "--data", str(labels), *QUICK, *options])


def approvals(bundle):
    return {approval.precision: approval.approved for approval in Bundle.open(bundle).manifest.approvals}


def test_a_good_bundle_is_approved_and_reads_afterwards(made, capsys):
    bundle, labels, plates = made()
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8"]) == 1
    assert "never verified" in capsys.readouterr().err
    assert verify(bundle, labels) == 0
    out, err = capsys.readouterr()
    assert f"fp32 reads {PLATES} of {PLATES} plates right: what the others are held against." in out
    assert "FP16 loses no plate of 40" in out
    assert "fp16 approved, int8 approved on onnxruntime" in err
    assert f"Next: edgelpr read {bundle} --precision int8 --threads 1 IMAGE..." in err
    assert approvals(bundle) == {"fp16": True, "int8": True}
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8"]) == 0


def test_a_bad_graph_fails_the_command_is_marked_and_refused(made, capsys):
    bundle, labels, plates = made(spoil_tensor)
    assert verify(bundle, labels) == 1
    out, err = capsys.readouterr()
    assert "15 points are allowed: do not use it. Run with --bisect" in out
    again = f"edgelpr verify {bundle} --data {labels} --threads 1 --max-loss 15 --least-plates 40 --precision int8 --bisect"
    assert err.splitlines()[-1] == f"Next: {again}"
    assert approvals(bundle) == {"fp16": True, "int8": False}
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8"]) == 1
    assert "is not approved on onnxruntime" in capsys.readouterr().err
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8", "--allow-unapproved"]) == 0


def test_copies_of_a_picture_and_plates_that_fp32_misreads_approve_nothing(made, tmp_path, capsys):
    bundle, _, plates = made()
    copies = [replace(plates[0], path=tmp_path / f"{number}.png") for number in range(70)]
    for copy in copies:
        copy.path.write_bytes(plates[0].path.read_bytes())
    assert verify(bundle, write_labels(tmp_path / "copies.csv", copies)) == 1
    out = capsys.readouterr().out
    assert "but 1 plate (of 70, those that fp32 reads right and that are not copies of each other) approve nothing" in out
    wrong = [*plates[:19], *(replace(crop, plate="99") for crop in plates[19:])]
    assert verify(bundle, write_labels(tmp_path / "wrong.csv", wrong), "--least-plates", "10") == 1
    assert "fp32 reads only 19 of 40 right, so these approve nothing" in capsys.readouterr().out
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8"]) == 1


def test_bisect_repairs_it_and_verifies_again(made, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("edgelpr.benchmarks.timing._settle", lambda *_: None)
    bundle, labels, plates = made(spoil_tensor)
    assert verify(bundle, labels, "--precision", "int8", "--bisect", "--keep-slow") == 1
    out, err = capsys.readouterr()
    again = f"edgelpr verify {bundle} --data OTHER.csv --threads 1 --max-loss 15 --least-plates 40 --precision int8"
    assert err.splitlines()[-1] == f"Next: {again}"
    record = read_record(Bundle.open(bundle))
    assert record.kept["int8-cpu"] and len(record.chosen_on) == len(set(record.chosen_on)) > 0
    assert "but these plates chose which of its layers stay in higher precision" in out
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8"]) == 1
    assert "only on plates that chose" in capsys.readouterr().err
    assert verify(bundle, labels, "--precision", "int8") == 1  # they stay those that chose, in a later run too
    others = write_labels(tmp_path / "half.csv", plates[::2])
    assert verify(bundle, others, "--precision", "int8", "--least-plates", "10") == 1  # and so does a part of them
    assert run(["calibrate", str(bundle), "--reuse", str(bundle / CALIBRATION)]) == 0
    assert read_record(Bundle.open(bundle)).chosen_on == record.chosen_on


def test_plates_that_chose_no_layers_confirm_a_bisection(made, tmp_path, monkeypatch):
    monkeypatch.setattr("edgelpr.benchmarks.timing._settle", lambda *_: None)
    bundle, _, plates = made(spoil_tensor)
    parts = write_labels(tmp_path / "parts.csv", plates, lambda crop: "choose" if crop in plates[::2] else "confirm")
    enough = ("--precision", "int8", "--least-plates", "20")
    assert verify(bundle, parts, *enough, "--split", "choose", "--bisect", "--keep-slow") == 1
    assert verify(bundle, parts, *enough, "--split", "confirm") == 0
    assert run(["read", str(bundle), str(plates[1].path), "--precision", "int8"]) == 0


def test_a_graph_that_is_no_faster_any_more_is_not_written(made, capsys, monkeypatch):
    monkeypatch.setattr("edgelpr.benchmarks.timing._settle", lambda *_: None)
    monkeypatch.setattr(Speed, "gain_after", 1.05)
    bundle, labels, _ = made(spoil_tensor)
    before = Bundle.open(bundle).manifest.files
    assert verify(bundle, labels, "--precision", "int8", "--bisect") == 1
    assert "Too little to use it, so nothing was changed" in capsys.readouterr().out
    assert Bundle.open(bundle).manifest.files == before
    monkeypatch.setattr(Speed, "gain_after", 1.1)
    assert verify(bundle, labels, "--precision", "int8", "--bisect") == 1
    assert Bundle.open(bundle).manifest.files != before


def test_bisect_answers_with_one_json_document(made, capsys, monkeypatch):
    monkeypatch.setattr("edgelpr.benchmarks.timing._settle", lambda *_: None)
    bundle, labels, _ = made(spoil_tensor)
    assert verify(bundle, labels, "--precision", "int8", "--bisect", "--keep-slow", "--json") == 1
    reference, rounded = json.loads(capsys.readouterr().out)
    assert (rounded["within_gate"], rounded["approved"], rounded["ruling"]) == (True, False, "selected")
    assert rounded["bisection"]["outcome"] == "found"
    assert "bisection" not in reference


def test_groups_of_layers_are_measured_when_asked_for(made, capsys, monkeypatch):
    monkeypatch.setattr("edgelpr.benchmarks.timing._settle", lambda *_: None)
    bundle, labels, _ = made(spoil_tensor)
    assert verify(bundle, labels, "--precision", "int8", "--bisect", "--keep-slow", "--groups") == 1
    assert "groups of layers" in capsys.readouterr().err


def test_nothing_is_bisected_where_nothing_failed(made, capsys):
    bundle, labels, _ = made()
    before = Bundle.open(bundle).manifest.files
    assert verify(bundle, labels, "--bisect") == 0
    assert "Nothing to bisect" in capsys.readouterr().err
    assert Bundle.open(bundle).manifest.files == before


def test_a_later_verdict_on_the_same_plates_replaces_an_earlier_one_and_says_so(made, capsys):
    bundle, labels, _ = made()
    assert verify(bundle, labels) == 0
    capsys.readouterr()
    assert verify(bundle, labels, "--max-loss", "0") == 1
    assert approvals(bundle) == {"fp16": True, "int8": False}
    assert "Remark: INT8: not approved on these plates, where it was approved before: then it read" in capsys.readouterr().out


def test_other_plates_do_not_wash_out_a_refusal(made, tmp_path, capsys):
    bundle, labels, plates = made()
    assert verify(bundle, labels, "--max-loss", "0") == 1
    with Recognizer.open(bundle, precision="int8", allow_unapproved=True) as recognizer:
        kept = [crop for crop in plates if recognizer.read(crop.path).plate == crop.plate]
    capsys.readouterr()
    others = write_labels(tmp_path / "others.csv", kept[:20])
    assert verify(bundle, others, "--least-plates", "20", "--json") == 1
    out, err = capsys.readouterr()
    int8 = json.loads(out)[2]
    assert (int8["within_gate"], int8["approved"], int8["ruling"]) == (True, False, "refused")
    assert "INT8 loses no plate of 20" in int8["verdict"] and "not approved: on other plates (data sha256 " in int8["verdict"]
    assert "int8 not approved on onnxruntime" in err
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8"]) == 1
    assert verify(bundle, labels, "--precision", "int8") == 0  # the same plates, by another gate
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8"]) == 0


def test_a_refusal_by_wrong_labels_is_withdrawn_and_the_corrected_ones_approve(made, tmp_path, capsys):
    bundle, labels, plates = made()
    wrong = write_labels(tmp_path / "wrong.csv", [replace(crop, plate="99") for crop in plates[:5]] + plates[5:])
    assert verify(bundle, wrong, "--max-loss", "0", "--precision", "int8") == 1
    (refusal,) = Bundle.open(bundle).manifest.approvals
    assert verify(bundle, labels, "--precision", "int8") == 1  # other labels, other data
    capsys.readouterr()
    assert verify(bundle, labels, "--precision", "int8", "--forget", refusal.data_sha256[:12]) == 0
    assert (
        "Withdrawn, and kept in the bundle's notes: the verdict on int8 on onnxruntime, CPU that it " in capsys.readouterr().err
    )
    assert approvals(bundle) == {"int8": True}
    assert verify(bundle, labels, "--forget", refusal.data_sha256) == 1
    assert "has no verdict on plates" in capsys.readouterr().err


def test_a_bisection_of_one_precision_leaves_the_verdict_on_another(made, monkeypatch):
    monkeypatch.setattr("edgelpr.benchmarks.timing._settle", lambda *_: None)
    bundle, labels, _ = made(spoil_tensor)
    assert verify(bundle, labels, "--bisect", "--keep-slow") == 1
    manifest = Bundle.open(bundle).manifest
    assert {each.precision: each.selected for each in manifest.approvals} == {"fp16": False, "int8": True}
    assert manifest.ruling("fp16", "onnxruntime").approved and not manifest.ruling("int8", "onnxruntime").approved


def test_few_plates_approve_nothing(made, capsys):
    bundle, labels, plates = made()
    assert verify(bundle, labels, "--least-plates", "41") == 1
    assert "but 40 plates approve nothing, 41 are needed: verify on more" in capsys.readouterr().out
    assert run(["read", str(bundle), str(plates[0].path), "--precision", "int8"]) == 1
    assert "verified on 40 plates, and 41 are needed" in capsys.readouterr().err


def test_nothing_is_recorded_unasked(made, capsys):
    bundle, labels, _ = made()
    assert verify(bundle, labels, "--no-record") == 0
    assert approvals(bundle) == {}
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"Next: edgelpr verify {bundle} --data {labels} ")


def test_json_keeps_the_names_of_eval_and_adds_the_comparison(made, capsys):
    bundle, labels, _ = made()
    assert run(["eval", str(bundle), str(labels), "--json", "--threads", "1"]) == 0
    names = set(json.loads(capsys.readouterr().out))
    assert verify(bundle, labels, "--json", "--simulate-tensorrt") == 0
    entries = json.loads(capsys.readouterr().out)
    assert [(entry["precision"], entry["file"], entry["approved"]) for entry in entries] == [
        ("fp32", "fp32.onnx", True),
        ("fp16", "fp16.onnx", True),
        ("int8", "int8-cpu.onnx", True),
        ("int8", "int8.onnx", None),
    ]
    added = {"loss_points", "loss_interval", "p_value", "agreement", "largest_confidence_shift", "lost", "gained", "approved"}
    added |= {"speed_ratio", "milliseconds_p50", "milliseconds_p90", "verdict", "remark", "file", "simulated", "correct"}
    added |= {"within_gate", "ruling", "ruled_by", "reversed", "reversal"}
    added |= {"max_loss", "largest_confidence_shift_image", "engine_failures", "discordant", "timed", "runtime", "tracks"}
    assert all(names | added == set(entry) for entry in entries)
    assert entries[2]["loss_points"] == pytest.approx(100 * (PLATES - entries[2]["correct"]) / PLATES)


def test_a_chart_of_loss_against_speed(made, tmp_path, monkeypatch):
    monkeypatch.setattr("edgelpr.benchmarks.timing._settle", lambda *_: None)
    bundle, labels, _ = made()
    chart = tmp_path / "loss.png"
    options = [*ALLOWED, *ENOUGH, "--threads", "1", "--timing-seconds", "0.05", "--chart", str(chart)]
    assert run(["verify", str(bundle), "--data", str(labels), *options]) == 0
    assert chart.read_bytes().startswith(b"\x89PNG")


def test_plates_that_calibrated_are_refused(made, tmp_path, capsys):
    bundle, labels, plates = made()
    _calibrated_on(bundle, plates[:2])
    assert verify(bundle, labels) == 1
    err = capsys.readouterr().err
    assert f"2 of the 40 plates calibrated this bundle ({plates[0].path.name}, {plates[1].path.name})" in err
    parts = write_labels(tmp_path / "parts.csv", plates, lambda crop: "calibrate" if crop in plates[:2] else "test")
    assert verify(bundle, parts) == 1
    assert "None of them is in this part: --split test" in capsys.readouterr().err
    assert verify(bundle, parts, "--split", "test", "--least-plates", "38") == 0
    assert verify(bundle, parts, "--split", "calibrate") == 1
    assert "this is the part 'calibrate', is there another?" in capsys.readouterr().err
    parts = write_labels(tmp_path / "parts.csv", plates, lambda crop: "calibrate" if crop in plates[:2] else "train")
    assert verify(bundle, parts) == 1
    assert "--split" not in capsys.readouterr().err  # plates that trained would flatter


def _calibrated_on(path, plates):
    bundle = Bundle.open(path)
    record = read_record(bundle)
    hashes = tuple(pixel_sha256(crop.load()) for crop in plates)
    record = replace(record, images=replace(record.images, found=len(hashes), sha256=hashes))
    update_bundle(bundle, bundle.manifest, {CALIBRATION: record.to_json().encode()})


def test_a_picture_that_is_there_twice_is_warned_of_and_a_broken_one_counts_as_wrong(made, tmp_path, capsys):
    bundle, _, plates = made()
    (tmp_path / "again.png").write_bytes(plates[0].path.read_bytes())
    (tmp_path / "broken.png").write_bytes(b"no picture")
    more = [replace(plates[0], path=tmp_path / "again.png"), replace(plates[1], path=tmp_path / "broken.png")]
    assert verify(bundle, write_labels(tmp_path / "more.csv", [*plates, *more])) == 0
    out, err = capsys.readouterr()
    assert "is there 2 times (in 'more.csv')" in err
    assert "counted as wrong in every precision (1):" in err
    assert "fp32 reads 41 of 42 plates right" in out


@pytest.mark.parametrize(
    ("options", "says", "code"),
    [
        (["--bisect", "--no-record"], "leave out --no-record", 2),
        (["--bisect-chart", "x.png"], "add --bisect", 2),
        (["--groups"], "--groups and --keep-slow say how --bisect works; add --bisect", 2),
        (["--chart", "x.png"], "leave out --no-timing", 2),
        (["--forget", "dddddddd", "--no-record"], "--forget takes verdicts out of the bundle; leave out --no-record", 2),
        (["--backend", "torch"], "runs no graph of the bundle", 2),
        (["--split", "absent"], "absent", 1),
    ],
)
def test_mistakes_in_usage(made, capsys, options, says, code):
    bundle, labels, _ = made()
    assert verify(bundle, labels, *options) == code
    assert says in capsys.readouterr().err


def test_a_bundle_without_reduced_graphs_is_told_to_calibrate(bundle, made, capsys):
    _, labels, _ = made()
    assert verify(bundle, labels) == 1
    assert "edgelpr calibrate" in capsys.readouterr().err


def test_labels_without_plates_and_labels_of_other_plates(made, tmp_path, capsys):
    bundle, _, plates = made()
    empty = tmp_path / "empty.csv"
    empty.write_text("image,plate\n", encoding="utf-8")
    assert verify(bundle, empty) == 1
    assert "empty.csv" in capsys.readouterr().err
    wrong = write_labels(tmp_path / "wrong.csv", [replace(crop, plate="99") for crop in plates])
    assert verify(bundle, wrong) == 1
    assert "fp32 reads none of the 40 plates right" in capsys.readouterr().err


def test_plates_of_a_training_part_are_warned_of(made, tmp_path, capsys):
    bundle, _, plates = made()
    parts = write_labels(tmp_path / "parts.csv", plates, lambda crop: "train" if crop in plates[:3] else "test")
    assert verify(bundle, parts) == 0
    assert "Warning: 3 of 40 plates are of the part train" in capsys.readouterr().err
    assert verify(bundle, parts, "--split", "test", "--least-plates", "37") == 0
    assert "of the part" not in capsys.readouterr().err


def test_a_read_only_bundle_is_refused_before_any_plate_is_read(made, capsys, monkeypatch):
    bundle, labels, _ = made()
    monkeypatch.setattr("edgelpr.bundle.updating.os.access", lambda _, mode: not mode & os.W_OK)
    assert verify(bundle, labels) == 1
    out, err = capsys.readouterr()
    assert "is read-only" in err and "with --no-record" in err and "Reading" not in err
    assert out == ""
    assert verify(bundle, labels, "--no-record") == 0


def test_a_full_disk_keeps_the_old_manifest(made, capsys, monkeypatch):
    bundle, labels, _ = made()
    before = (bundle / "manifest.json").read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("edgelpr.bundle.recording.write_atomically", full)
    assert verify(bundle, labels) == 1
    out, err = capsys.readouterr()
    assert [line for line in err.splitlines() if line.startswith("Error")] == [err.splitlines()[-1]]
    assert "No space left on device" in err
    assert "FP16 loses no plate of 40" in out
    assert (bundle / "manifest.json").read_bytes() == before
    assert verify(bundle, labels, "--json") == 1
    assert len(json.loads(capsys.readouterr().out)) == 3  # the figures are not lost


def test_a_bundle_that_was_exported_anew_meanwhile_is_left_alone(made, capsys, monkeypatch):
    bundle, labels, _ = made()
    import edgelpr.bundle.recording as recording

    real = recording.reopen

    def other(opened):
        now = real(opened)
        files = dict(now.manifest.files) | {"fp32.onnx": FileRecord("0" * 64, 1)}
        return real(Bundle(opened.path, replace(now.manifest, files=files)))

    monkeypatch.setattr(recording, "reopen", other)
    assert verify(bundle, labels) == 1
    assert "anew" in capsys.readouterr().err
    assert approvals(bundle) == {}


def test_every_plate_read_alike_is_still_a_statement_about_few(made, capsys):
    bundle, labels, _ = made()
    assert verify(bundle, labels, "--precision", "fp16") == 0
    assert verify(bundle, labels, "--precision", "fp16", "--max-loss", "0.3") == 0
    assert "Remark: FP16: approved, but 40 plates cannot exclude a loss of up to 8.8 points" in capsys.readouterr().out
