"""The gate before fp16 and int8, and the verdicts it goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sample_approvals import add_int8, approval_of

from edgelpr.bundle.approval import Approval
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import record_accuracy, record_approvals, withdraw_approvals
from edgelpr.bundle.ruling import rule
from edgelpr.bundle.updating import update_bundle
from edgelpr.bundle.writing import write_bundle
from edgelpr.errors import ApprovalError, BundleError
from edgelpr.runtime import approving
from edgelpr.runtime.backends.onnxruntime.runner import OnnxRuntimeRunner
from edgelpr.runtime.recognizer import Recognizer

VNNI = "x86-64 avx512-vnni"


@pytest.fixture
def bundle(make_bundle: Callable[[Path], Bundle], tmp_path: Path) -> Bundle:
    """With fp32 and int8 for a CPU, never verified."""
    return add_int8(make_bundle(tmp_path / "mine.elpr"))


def verdict(bundle: Bundle, **changes: Any):
    return approval_of(bundle.file("int8-cpu.onnx").read_bytes(), "int8", **changes)


@pytest.fixture(autouse=True)
def processor(monkeypatch):
    """The processor of these tests has VNNI, whatever it is."""
    monkeypatch.setattr(approving, "instruction_set", lambda: VNNI)


def test_fp32_needs_no_approval(bundle):
    with Recognizer.open(bundle) as recognizer:
        assert recognizer.precision == "fp32"


def test_what_was_never_verified_does_not_read_unless_told(bundle):
    words = (
        r"mine\.elpr: int8 \(int8-cpu\.onnx\) was never verified on onnxruntime\. Run: edgelpr verify .*mine\.elpr "
        r"--data LABELS\.csv; or .*--allow-unapproved"
    )
    with pytest.raises(ApprovalError, match=words):
        Recognizer.open(bundle, precision="int8")
    with Recognizer.open(bundle, precision="int8", allow_unapproved=True) as recognizer:
        assert recognizer.read(np.zeros((50, 160), np.uint8)).plate == "0000"


def test_what_was_approved_reads(bundle):
    approved = record_approvals(bundle, [verdict(bundle)])
    for opened in (approved, Bundle.open(bundle.path)):
        with Recognizer.open(opened, precision="int8") as recognizer:
            assert recognizer.read(np.zeros((50, 160), np.uint8)).plate == "0000"


def test_what_lost_too_much_says_how_much_and_what_to_do(bundle):
    lost = verdict(bundle, approved=False, correct=95, loss_points=4.0, loss_interval=(1.1, 8.2), max_loss=0.3)
    words = (
        r"int8 is not approved on onnxruntime: on plates d{12} it read 95 of 100 plates right where fp32 read 99: a loss of "
        r"4\.00 points "
        r"\(95 % interval 1\.10 to 8\.20; allowed 0\.3\)\. .*edgelpr verify .* --bisect; or choose another precision; or .*"
        "--allow-unapproved"
    )
    with pytest.raises(ApprovalError, match=words):
        Recognizer.open(record_approvals(bundle, [lost]), precision="int8")


@pytest.mark.parametrize(
    ("verified_on", "portable", "reads"),
    [(VNNI, False, True), ("x86-64 avx-vnni", False, True), ("x86-64 avx2", True, True), ("x86-64 avx2", False, False)],
)
def test_a_verdict_of_another_processor(bundle, verified_on, portable, reads):
    approved = record_approvals(bundle, [verdict(bundle, instruction_set=verified_on, portable=portable)])
    reason = approving.objection(approved, "int8", "onnxruntime")
    if reads:
        assert reason is None
    else:
        assert f"was verified on CPU with x86-64 avx2, and here it runs on CPU with {VNNI}" in reason
    assert approving.objection(approved, "int8", "onnxruntime", here="arm64") is None or not portable


def test_a_verdict_on_another_backend_approves_nothing_here(bundle):
    others = replace(bundle.manifest, approvals=(verdict(bundle, backend="tensorrt"),))
    assert "never verified on onnxruntime" in approving.objection(Bundle(bundle.path, others), "int8", "onnxruntime")


def test_a_graph_that_changed_is_no_longer_approved(bundle):
    approved = record_approvals(bundle, [verdict(bundle)])
    content = bundle.file("fp32.onnx").read_bytes()
    changed = update_bundle(approved, approved.manifest, {"int8-cpu.onnx": content})
    assert changed.manifest.approvals == ()
    with pytest.raises(ApprovalError, match="never verified"):
        Recognizer.open(changed, precision="int8")


# What several verdicts come to

OTHER = "e" * 64


@pytest.mark.parametrize(
    ("verdicts", "device", "reason", "plates"),
    [
        ([], None, "unverified", None),
        ([{}], None, "approved", 100),
        ([{}, {"plates": 500, "data_sha256": OTHER}], "CPU", "approved", 500),
        ([{"approved": False}, {"plates": 500, "data_sha256": OTHER}], None, "refused", 100),
        ([{"approved": False, "plates": 99}, {"approved": False, "data_sha256": OTHER}], None, "refused", 100),
        ([{"least_plates": 101}], None, "few", 100),
        ([{"least_plates": 101}, {"plates": 150, "data_sha256": OTHER, "selected": True}], None, "few", 100),
        ([{"selected": True}], None, "selected", 100),
        ([{"evidence": 63}], None, "few", 100),
        ([{"plates": 300, "correct_fp32": 149, "correct": 149}], None, "few", 300),
        ([{"selected": True}, {"data_sha256": OTHER}], None, "approved", 100),
        ([{}], "CUDA", "elsewhere", 100),
        ([{}, {"device": "CUDA", "approved": False}], "CPU", "approved", 100),
        ([{}, {"device": "CUDA", "approved": False}], None, "approved", 100),
        ([{"least_plates": 101}, {"device": "CUDA", "approved": False}], "CPU", "few", 100),
    ],
)
def test_one_refusal_outweighs_every_approval_and_little_evidence_approves_nothing(verdicts, device, reason, plates):
    ruling = rule([approval_of(b"a graph", "int8", **values) for values in verdicts], device)
    assert ruling.reason == reason and ruling.approved is (reason == "approved")
    assert (None if ruling.by is None else ruling.by.plates) == plates


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        ([{}], "approved"),
        ([{"engine_sha256": "2" * 64}], "elsewhere"),
        ([{"engine_sha256": None}], "elsewhere"),
        ([{"device": "Orin, TensorRT 8.6.2"}], "elsewhere"),
        ([{}, {"engine_sha256": "2" * 64, "approved": False, "data_sha256": OTHER}], "refused"),
        ([{}, {"engine_sha256": "2" * 64, "approved": False}], "approved"),  # verified anew, with this build
        ([{"engine_sha256": "2" * 64, "approved": False}], "elsewhere"),
    ],
)
def test_an_approval_is_for_one_build_of_an_engine(verdicts, reason):
    mine = {"device": "Orin, TensorRT 10.3.0", "engine_sha256": "1" * 64}
    found = [approval_of(b"a graph", "int8", **(mine | values)) for values in verdicts]
    assert rule(found, mine["device"], engine_sha256=mine["engine_sha256"]).reason == reason


def test_the_engine_is_written_where_there_is_one():
    plain, built = approval_of(b"a graph", "int8"), approval_of(b"a graph", "int8", engine_sha256="1" * 64)
    assert "engine_sha256" not in plain.to_dict()
    assert [Approval.from_dict(each.to_dict()) for each in (plain, built)] == [plain, built]
    with pytest.raises(BundleError, match="engine_sha256"):
        Approval.from_dict(built.to_dict() | {"engine_sha256": "no hash"})


@pytest.mark.parametrize(
    ("changes", "device", "says"),
    [
        (
            {"least_plates": 101, "correct_fp32": 100},
            None,
            "it was verified on 100 plates, and 101 are needed. Verify it on more",
        ),
        ({"evidence": 20}, None, "it was verified on 20 plates (of 100, those that fp32 reads right and that are not copies"),
        ({"correct_fp32": 49, "correct": 49, "least_plates": 9}, None, "fp32 reads only 49 of 100 right, which says little"),
        ({"selected": True}, None, "only on plates that chose which of its layers stay in higher precision"),
        ({}, "CUDA", f"it was verified on CPU with {VNNI}, and here it runs on CUDA, whose sums may differ. Verify"),
    ],
)
def test_why_an_approval_does_not_hold_is_said(bundle, changes, device, says):
    recorded = record_approvals(bundle, [verdict(bundle, **changes)])
    assert says in approving.objection(recorded, "int8", "onnxruntime", device)


def test_a_refusal_on_another_device_stops_nothing_here(bundle):
    both = record_approvals(bundle, [verdict(bundle), verdict(bundle, device="CUDA", approved=False)])
    with Recognizer.open(both, precision="int8") as recognizer:
        assert recognizer.device == "CPU"
    assert "on plates dddddddddddd it read" in approving.objection(both, "int8", "onnxruntime", "CUDA")


def test_one_approval_of_this_processor_is_enough_beside_weightier_ones_of_others(bundle):
    elsewhere = verdict(bundle, plates=500, data_sha256=OTHER, instruction_set="x86-64 avx2")
    assert "x86-64 avx2" in approving.objection(record_approvals(bundle, [elsewhere]), "int8", "onnxruntime")
    assert approving.objection(record_approvals(bundle, [verdict(bundle)]), "int8", "onnxruntime") is None


def test_an_approval_of_another_device_is_found_out_when_the_engine_is_open(bundle, monkeypatch):
    on_cuda = record_approvals(bundle, [verdict(bundle, device="CUDA", portable=True)])
    closed = []
    monkeypatch.setattr(OnnxRuntimeRunner, "close", lambda self: closed.append(self))
    with pytest.raises(ApprovalError, match="verified on CUDA, and here it runs on CPU with"):
        Recognizer.open(on_cuda, precision="int8")
    assert len(closed) == 1


def test_a_verdict_of_schema_2_keeps_its_meaning():
    values = approval_of(b"a graph", "int8", runtime="onnxruntime 1 CUDAExecutionProvider, 1 thread").to_dict()
    for key in ("device", "least_plates", "selected"):
        del values[key]
    read = Approval.from_dict(values, schema=2)
    assert (read.device, read.least_plates, read.selected) == ("CUDA", 64, False)
    with pytest.raises(BundleError, match="missing key device, least_plates, selected"):
        Approval.from_dict(values)


# Recording


def test_verdicts_on_other_plates_stay(bundle):
    first = record_approvals(bundle, [verdict(bundle, approved=False)])
    second = record_approvals(first, [verdict(bundle, data_sha256=OTHER)])
    assert [each.approved for each in second.manifest.approvals] == [False, True]
    assert second.manifest.ruling("int8", "onnxruntime").reason == "refused"


def test_a_newer_verdict_replaces_an_earlier_one_and_others_stay(bundle):
    first = record_approvals(bundle, [verdict(bundle), approval_of(bundle.file("fp32.onnx").read_bytes(), "fp32")])
    again = verdict(bundle, approved=False)
    record_approvals(first, [again])
    found = Bundle.open(bundle.path).manifest.approvals
    assert [(approval.precision, approval.approved) for approval in found] == [("fp32", True), ("int8", False)]
    assert found[1] == again


def test_a_withdrawn_verdict_stops_nothing_and_stays_in_the_notes(bundle):
    refused = verdict(bundle, approved=False, correct=95, loss_points=4.0, loss_interval=(1.1, 8.2), max_loss=0.3)
    recorded = record_approvals(bundle, [refused, verdict(bundle, data_sha256=OTHER)])
    withdrawn, taken = withdraw_approvals(recorded, "d" * 8)
    assert taken == (refused,) and withdrawn == Bundle.open(bundle.path)
    assert withdrawn.manifest.ruling("int8", "onnxruntime").approved
    (line,) = withdrawn.manifest.notes["withdrawn"]
    assert line.startswith("int8 on onnxruntime, CPU, plates dddddddddddd: read 95 of 100 plates right")
    again, _ = withdraw_approvals(withdrawn, OTHER)
    assert len(again.manifest.notes["withdrawn"]) == 2 and again.manifest.approvals == ()


@pytest.mark.parametrize("wrong", ["", "d" * 7, "e" * 8])
def test_what_names_no_verdict_withdraws_none(bundle, wrong):
    recorded = record_approvals(bundle, [verdict(bundle)])
    with pytest.raises(BundleError, match=f"no verdict on plates '{wrong}'; expected 8 digits or more .* it has dddddddddddd"):
        withdraw_approvals(recorded, wrong)
    assert Bundle.open(bundle.path) == recorded


def test_verdicts_and_accuracy_recorded_meanwhile_are_kept(bundle):
    entry = {"precision": "int8", "backend": "onnxruntime", "data_sha256": "abc", "rectify": False}
    record_approvals(bundle, [verdict(bundle)])
    record_accuracy(bundle, entry)  # opened before the verdict was recorded
    record_approvals(bundle, [])
    manifest = Bundle.open(bundle.path).manifest
    assert (len(manifest.approvals), manifest.accuracy) == (1, (entry,))


def test_a_verdict_on_a_file_that_the_backend_would_not_run_is_refused(bundle):
    for wrong in (approval_of(b"another graph", "int8"), verdict(bundle, backend="tensorrt")):
        with pytest.raises(BundleError, match="a verdict on int8 on .* verify the bundle again"):
            record_approvals(bundle, [wrong])
    assert Bundle.open(bundle.path).manifest.approvals == ()


def test_a_bundle_that_was_exported_anew_keeps_its_manifest(bundle, tiny_manifest):
    approval = verdict(bundle)
    write_bundle(bundle.path, tiny_manifest(), {"fp32.onnx": b"another network"}, overwrite=True)
    with pytest.raises(BundleError, match="exported anew or changed while it was worked on"):
        record_approvals(bundle, [approval])
    assert Bundle.open(bundle.path).manifest.approvals == ()
