"""The gate: a reduced graph beside fp32, plate by plate, and what may be said of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx
import pytest
from sample_reduced import PLATES, calibrated, labelled_as_read, spoil_tensor

from edgelpr.benchmarks.summary import Summary
from edgelpr.benchmarks.verifying.approvals import approvals_of
from edgelpr.benchmarks.verifying.chart import _places
from edgelpr.benchmarks.verifying.entries import to_entry
from edgelpr.benchmarks.verifying.gate import loss_interval, loss_points, plates_needed
from edgelpr.benchmarks.verifying.portability import is_portable
from edgelpr.benchmarks.verifying.result import PrecisionResult
from edgelpr.benchmarks.verifying.speed import crops_to_time
from edgelpr.benchmarks.verifying.subjects import Subject
from edgelpr.benchmarks.verifying.verdict import remark, verdict
from edgelpr.benchmarks.verifying.verifying import Plan, Verification, verify
from edgelpr.bundle.graph import Graph
from edgelpr.bundle.recording import record_approvals
from edgelpr.cli.verdicts import best_precision
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import ApprovalError, BundleError, DataError, UsageError
from edgelpr.runtime.backends.onnxruntime.runner import OnnxRuntimeRunner
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.training.paired import PairedCounts, mcnemar, tango_interval
from edgelpr.training.scores import Evaluation, PlateScore

QUIET = (lambda line: None, lambda done, total: None)
UNTIMED = Plan(seconds=None, threads=1, max_loss=15, least_plates=PLATES)
"""Rounding costs a network this small some plates."""
GRAPH = Graph(
    "int8-cpu.onnx", "int8", 17, ("decode",), "crops", "uint8", (None, 50, 160), ("classes", "probabilities"), 1, "cpu"
)


def result(both, lost=0, gained=0, neither=0, *, ratio=None, precision="int8", simulated=False, max_loss=0.3):
    """A reduced precision that loses and gains so many plates, and is so many times as fast as fp32."""
    plates = both + lost + gained + neither
    right = [(True, True)] * both + [(True, False)] * lost + [(False, True)] * gained + [(False, False)] * neither

    def evaluation(side, name):
        crops = (LabelledCrop(Path(f"{number}.png"), "1234") for number in range(plates))
        scores = (PlateScore(crop, "1234" if each[side] else "0000", 0.9, 0.001) for crop, each in zip(crops, right))
        return Evaluation(tuple(scores), name, "onnxruntime", "d" * 64, ())

    subject = Subject(precision, replace(GRAPH, precision=precision), simulated)
    speeds = (None, None) if ratio is None else (summary(2.0 / ratio), summary(2.0))
    runtime = "onnxruntime 1 CPUExecutionProvider"
    return PrecisionResult(subject, evaluation(1, precision), evaluation(0, "fp32"), runtime, "CPU", max_loss, *speeds)


def summary(milliseconds):
    values = dict.fromkeys(Summary.__dataclass_fields__) | {"samples": 75, "p50": milliseconds, "p90": milliseconds}
    return Summary(**values)


@pytest.fixture
def made(tiny_manifest, tmp_path):
    """A calibrated bundle and plates that fp32 reads right, every one."""

    def make(spoil=None):
        bundle = calibrated(tmp_path / "small.elpr", tiny_manifest(maps=False), spoil)
        return bundle, labelled_as_read(bundle, tmp_path)

    return make


def test_the_loss_is_net_with_tangos_interval_and_mcnemars_test():
    counts = PairedCounts(580, 8, 3, 9)
    low, high = tango_interval(counts)
    assert loss_points(counts) == pytest.approx(100 * 5 / 600)
    assert loss_interval(counts) == pytest.approx((-100 * high, -100 * low))
    entry = to_entry(result(580, 8, 3, 9))
    assert entry["p_value"] == mcnemar(counts).exact
    assert (entry["lost"], entry["gained"], entry["correct"], entry["plates"]) == (8, 3, 583, 600)
    assert entry["loss_interval"] == list(loss_interval(counts))


def test_enough_plates_would_exclude_a_loss_beyond_the_gate_and_fewer_would_not():
    counts = PairedCounts(592, 1, 1, 0)
    needed = plates_needed(counts, 0.3)
    for plates, excluded in ((needed, True), (needed - needed // 20, False)):
        part = round(plates / 594)
        scaled = PairedCounts(plates - 2 * part, part, part, 0)
        assert (loss_interval(scaled)[1] <= 0.3) is excluded, plates


def test_a_verdict_says_speed_loss_and_what_to_do():
    assert verdict(result(592, 1, ratio=2.9)) == (
        "INT8 is 2.9 times faster than fp32 here and loses 1 plate of 593 (0.2 points, 95 % interval -0.5 to 0.9): use it."
    )


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (result(500, ratio=1.0), "no faster here (as fast as fp32) and loses no plate of 500"),
        (result(500, ratio=1.0), "nothing to gain."),
        (result(500, ratio=1.08), "no faster here (as fast as fp32) and loses no plate of 500"),
        (result(500, ratio=1.1), "is 1.1 times faster than fp32 here and loses no plate of 500"),
        (result(500, ratio=0.4, precision="fp16"), "no faster here (0.4 times as fast as fp32)"),
        (result(500, ratio=0.4, precision="fp16"), "on most CPUs fp16 is converted to fp32 and back"),
        (result(90, 10, ratio=3.0), "is 3.0 times faster than fp32 here but loses 10 plates of 100"),
        (result(90, 10, ratio=3.0), "0.3 points are allowed: do not use it. Run with --bisect"),
        (result(500, max_loss=1), "; 1 point is allowed: approved."),
        (result(500), "approved. Its speed was not measured"),
        (result(500, 2, 3), "loses 2 plates of 505 that fp32 reads and reads 3 that fp32 does not (a net loss of -0.2 points"),
        (result(500, 0, 1), "gains 1 plate of 501 (a loss of -0.2 points"),
        (result(500, simulated=True), "It approves nothing: the engine made from it has to be verified."),
    ],
)
def test_verdicts(case, says):
    assert says in verdict(case)


def test_what_is_hardly_faster_is_not_recommended_over_fp32():
    def best(*ratios):
        reference = result(500, ratio=None if ratios[0] is None else 1.0, precision="fp32")
        reduced = [result(500, ratio=ratio, precision=name) for name, ratio in zip(("fp16", "int8"), ratios)]
        return best_precision(Verification((reference, *reduced), ()))

    assert best(1.05, 2.0) == "int8"
    assert best(1.05, 0.9) == "fp32"
    assert best(None, None) == "int8"


def test_names_of_dots_that_lie_together_are_written_apart():
    dots, widths = [(300, 200), (310, 200), (320, 201), (100, 200)], [40, 40, 40, 40]
    places = _places(dots, widths)
    assert places[0] == (309, 184) and places[3] == (109, 184)
    tops = [top for _, top in places[:3]]
    assert all(abs(one - other) >= 18 for one, other in combinations(tops, 2))


def test_time_is_taken_of_pictures_that_can_be_read(made, tmp_path):
    bundle, labelled = made()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    spoilt = [replace(labelled[0], path=broken) for _ in range(99)]
    mixed = [*spoilt[:1], labelled[0], *spoilt[1:]]  # 32 of them, spread evenly, are broken ones alone
    assert crops_to_time(mixed, rectify=False) == []
    found = verify(bundle, mixed, replace(UNTIMED, seconds=0.05, max_loss=100), *QUIET)
    assert all(item.speed.samples >= 75 for item in found.results)


def test_few_plates_are_said_to_be_few():
    assert "195 plates cannot exclude a loss of up to 1.9 points" in remark(result(195))
    assert "would." in remark(result(195))
    assert "cannot tell this loss from one within the gate" in remark(result(199, 1))
    assert remark(result(90, 30)) is None  # a clear failure
    assert remark(result(20000)) is None


@pytest.mark.parametrize(("lost", "approved"), [(3, True), (4, False)])
def test_the_gate_decides_by_the_loss_found(lost, approved):
    case = result(1000 - lost, lost)
    assert case.within_gate is approved
    assert case.approved is approved
    assert result(1000 - lost, lost, simulated=True).approved is None


def test_every_precision_that_the_backend_runs_is_read_and_timed(made):
    bundle, labelled = made()
    found = verify(bundle, labelled, replace(UNTIMED, seconds=0.05), *QUIET)
    assert [item.subject.name for item in found.results] == ["fp32", "FP16", "INT8"]
    assert found.reference.correct == PLATES
    assert all(item.speed.samples >= 75 and item.speed_ratio > 0 for item in found.results)
    assert found.results[0].speed_ratio == 1.0
    assert {approval.precision: approval.approved for approval in approvals_of(bundle, found.results)} == {
        "fp16": True,
        "int8": True,
    }


def test_what_was_approved_reads_and_what_was_not_is_refused(made):
    bundle, labelled = made()
    with pytest.raises(ApprovalError, match="never verified"):
        Recognizer.open(bundle, precision="int8")
    bundle = record_approvals(bundle, verify(bundle, labelled, UNTIMED, *QUIET).approvals)
    with Recognizer.open(bundle, precision="int8") as recognizer:
        assert recognizer.read(labelled[0].path).plate == labelled[0].plate


def test_a_graph_that_rounding_spoils_is_not_approved_and_refused(made):
    bundle, labelled = made(spoil_tensor)
    found = verify(bundle, labelled, UNTIMED, *QUIET)
    assert [item.subject.precision for item in found.failed] == ["int8"]
    approvals = {approval.precision: approval for approval in approvals_of(bundle, found.results)}
    assert not approvals["int8"].approved
    assert approvals["int8"].correct_fp32 == PLATES > approvals["int8"].correct
    bundle = record_approvals(bundle, list(approvals.values()))
    with pytest.raises(ApprovalError, match=r"points.*--bisect"):
        Recognizer.open(bundle, precision="int8")
    with Recognizer.open(bundle, precision="int8", allow_unapproved=True):
        pass


def test_the_graph_for_tensorrt_is_simulated_and_never_approved(made):
    bundle, labelled = made()
    found = verify(bundle, labelled, replace(UNTIMED, simulate_tensorrt=True), *QUIET)
    simulated = found.results[-1]
    assert (simulated.subject.graph.file, simulated.approved) == ("int8.onnx", None)
    assert "optimisations off" in simulated.runtime
    assert len(approvals_of(bundle, found.results)) == 2


def test_an_engine_that_fails_on_a_plate_costs_that_plate_and_the_approval(made, monkeypatch):
    bundle, labelled = made()
    spoilt, run_graph = Recognizer.open(bundle).read(labelled[3].path).plate, OnnxRuntimeRunner.run

    def overflow(self, batch):
        raw = run_graph(self, batch)
        reads = [bundle.manifest.plate_format.decode(row) for row in raw.classes.tolist()]
        if self._graph.precision == "fp16":
            raw.probabilities[[plate == spoilt for plate in reads]] = np.nan
        return raw

    monkeypatch.setattr(OnnxRuntimeRunner, "run", overflow)
    found = verify(bundle, labelled, replace(UNTIMED, precisions=("fp16",), max_loss=100), *QUIET)
    half = found.results[1]
    assert 1 <= len(half.engine_failures) < PLATES
    assert half.evaluation.correct == PLATES - len(half.engine_failures)
    assert half.approved is False
    assert "the network returned NaN" in verdict(half)


def test_only_what_was_asked_for_is_read(made):
    bundle, labelled = made()
    found = verify(bundle, labelled, replace(UNTIMED, precisions=("int8",)), *QUIET)
    assert [item.subject.precision for item in found.results] == ["fp32", "int8"]


def test_seven_bits_are_portable_and_half_precision_is_not(made):
    bundle, _ = made()
    assert is_portable(bundle.file("int8-cpu.onnx"), "int8")
    assert not is_portable(bundle.file("fp16.onnx"), "fp16")


def test_eight_bits_are_not_portable(made, tmp_path):
    bundle, _ = made()
    model = onnx.load(bundle.file("int8-cpu.onnx"))
    weights = next(
        each for each in model.graph.initializer if each.data_type == onnx.TensorProto.INT8 and np.prod(each.dims) > 8
    )
    values = onnx.numpy_helper.to_array(weights).copy()
    values.flat[0] = -127
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    onnx.save(model, tmp_path / "wide.onnx")
    assert not is_portable(tmp_path / "wide.onnx", "int8")


def test_mistakes(made, tmp_path, tiny_bundle):
    bundle, labelled = made()
    with pytest.raises(UsageError, match="runs no graph of the bundle"):
        verify(bundle, labelled, replace(UNTIMED, backend="torch"), *QUIET)
    with pytest.raises(DataError, match="fp32 reads none of the 40 plates right"):
        verify(bundle, [replace(crop, plate="99") for crop in labelled], UNTIMED, *QUIET)
    with pytest.raises(UsageError, match="percentage points, 0 to 100"):
        Plan(max_loss=-1)
    with pytest.raises(UsageError, match="more than 0"):
        Plan(seconds=0)
    with pytest.raises(BundleError, match="has only fp32 for onnxruntime.*edgelpr calibrate"):
        verify(tiny_bundle, labelled, UNTIMED, *QUIET)
