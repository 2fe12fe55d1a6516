"""``edgelpr bench paper --labels``: accuracy of the very networks that were timed, after their timing, kept by later starts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from sample_bench import MILLISECOND, SPAN, SteppingClock
from sample_results import ACCURACY, PEAKS, make_model, make_result, make_run

pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")

from sample_tracks import PLATES, noise_frames, small_network

from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.bench.reader import BaseReader
from edgelpr.benchmarks.bench.run import Accuracy
from edgelpr.benchmarks.paper_table.accuracy import measure_accuracy, with_accuracy
from edgelpr.benchmarks.paper_table.document import paper_section
from edgelpr.benchmarks.paper_table.earlier import Earlier
from edgelpr.benchmarks.paper_table.exported import Exported, exported_subjects
from edgelpr.benchmarks.paper_table.plates import read_paper_plates
from edgelpr.benchmarks.paper_table.running import run_papers
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.subject import READING, Subject, Wanted
from edgelpr.benchmarks.paper_table.subjects import texts_of
from edgelpr.benchmarks.paper_table.table import paper_rows
from edgelpr.benchmarks.paper_table.track_reader import TrackReader
from edgelpr.benchmarks.report.document import Table, Text
from edgelpr.cli.main import run
from edgelpr.errors import BackendError
from edgelpr.models.hpa import create
from edgelpr.plates.loading import load_plate_format

AOLP, CN = load_plate_format("aolp"), load_plate_format("cn")
TEXTS = ("AB1234", "CD5678", "EF9012")


class Reads(BaseReader):
    """Reads whatever it is told to, by the brightness of a crop; counts what it read."""

    description = "reads"

    def __init__(self, texts, precision="fp32", sha256=None):
        self.texts, self.precision, self.engine_sha256, self.count = texts, precision, sha256, 0

    def read(self, crops):
        self.count += 1
        return [self.texts[int(np.asarray(crop).mean()) // 60] for crop in crops]


@pytest.fixture
def plates(tmp_path):
    for number in range(len(TEXTS)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((24, 94), 60 * number + 20, dtype=np.uint8))
    rows = [f"{number}.png,{text},{'test' if number < 2 else 'train'}" for number, text in enumerate(TEXTS)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,plate,split", *rows]))
    return read_paper_plates(tmp_path / "labels.csv", "csv", None)


MODEL = make_model(graph_sha256="a" * 64, weights_sha256="b" * 64)
SUBJECT = Subject(MODEL, lambda: Reads(TEXTS), "onnxruntime", "fp32", READING, spells=AOLP)
RUNS = tuple(make_run(*each, model=MODEL) for each in READING)


def no_reader():
    raise AssertionError("nothing was to be read")


def test_a_part_of_the_labels_has_its_name(tmp_path, plates):
    part = read_paper_plates(tmp_path / "labels.csv", "csv", "test")
    assert [crop.plate for crop in part.crops] == list(TEXTS[:2]) and part.name == f"{tmp_path.name}, test part"
    assert plates.name_of(5) == f"tracks made of {tmp_path.name}" and plates.sha256(1) != plates.sha256(5)


def test_every_run_of_the_network_gets_what_was_read(plates):
    found, why = with_accuracy(SUBJECT, RUNS, Wanted(plates=plates), lambda: Reads(("AB1234", "?", "EF9012")))
    expected = Accuracy(3, 2, plates.sha256(1), plates.name, from_card=False)
    assert why is None and [each.accuracy for each in found] == [expected, expected]


def test_what_was_measured_on_these_plates_is_not_read_again(plates):
    measured = Accuracy(3, 1, plates.sha256(1), "theirs", from_card=False)
    runs = tuple(replace(run, accuracy=measured) for run in RUNS)
    assert with_accuracy(SUBJECT, runs, Wanted(plates=plates), no_reader) == (runs, None)
    for other in (ACCURACY, replace(measured, from_card=True)):  # of other plates, and of the card
        old = tuple(replace(run, accuracy=other) for run in RUNS)
        found, _ = with_accuracy(SUBJECT, old, Wanted(plates=plates), lambda: Reads(TEXTS))
        assert found[0].accuracy.correct == 3


def test_without_labels_what_was_measured_stays_and_the_cards_goes_for_it(plates):
    assert with_accuracy(SUBJECT, RUNS, Wanted(), no_reader) == (RUNS, None)
    earlier = Earlier((replace(RUNS[0], accuracy=ACCURACY),))
    timed_anew = tuple(replace(run, accuracy=replace(ACCURACY, from_card=True)) for run in RUNS)
    found, _ = with_accuracy(SUBJECT, timed_anew, Wanted(earlier=earlier), no_reader)
    assert [each.accuracy for each in found] == [ACCURACY, ACCURACY]
    of_another = Earlier((replace(RUNS[0], accuracy=ACCURACY, model=replace(MODEL, graph_sha256="f" * 64)),))
    assert with_accuracy(SUBJECT, timed_anew, Wanted(earlier=of_another), no_reader)[0] == timed_anew


def test_random_weights_and_single_readings_are_not_read(plates):
    assert with_accuracy(replace(SUBJECT, spells=None), RUNS, Wanted(plates=plates), no_reader) == (RUNS, None)


def test_plates_of_another_format_leave_the_cell_empty_and_say_why(plates, tmp_path):
    (tmp_path / "labels.csv").write_text("image,plate\n0.png,皖A12345\n1.png,皖B12345\n2.png,AB1234")
    chinese = read_paper_plates(tmp_path / "labels.csv", "csv", None)
    found, why = with_accuracy(SUBJECT, RUNS, Wanted(plates=chinese), no_reader)
    assert found == RUNS and "'aolp': it cannot spell 2 of the 3 labels" in why
    assert chinese.fit(CN) and not plates.fit(PLATES)


@pytest.mark.parametrize("change", [{"graph_sha256": "f" * 64}, {"engine_sha256": "e" * 64}])
def test_another_graph_or_engine_than_was_timed_is_not_read_in_its_place(plates, change):
    runs = tuple(replace(run, model=replace(MODEL, **change)) for run in RUNS)
    found, why = with_accuracy(SUBJECT, runs, Wanted(plates=plates), lambda: Reads(TEXTS))
    assert found == runs and "is not the one that was timed" in why


def test_a_picture_that_cannot_be_used_counts_as_wrong(plates, tmp_path):
    (tmp_path / "0.png").write_bytes(b"no picture")
    found = measure_accuracy(Reads(TEXTS), plates, 1)
    assert (found.plates, found.correct) == (3, 2)


def test_an_engine_that_fails_on_a_plate_is_an_error_only_in_fp32(plates):
    class Fails(Reads):
        def read(self, crops):
            raise BackendError("overflow")

    assert measure_accuracy(Fails(TEXTS, "fp16"), plates, 1).correct == 0
    with pytest.raises(BackendError, match="overflow"):
        measure_accuracy(Fails(TEXTS), plates, 1)


@pytest.mark.parametrize(("accuracy", "asked"), [(None, [False]), ("mine", []), ("card", [False]), ("unsaid", [False])])
def test_a_graph_is_made_again_where_only_its_accuracy_is_missing(plates, tiny_bundle, accuracy, asked):
    measured = Accuracy(3, 3, plates.sha256(1), plates.name, from_card=False)
    kept = {
        None: None,
        "mine": measured,
        "card": replace(measured, from_card=True),
        "unsaid": replace(measured, from_card=None),
    }[accuracy]
    calls: list[bool] = []
    exported = Exported(
        name=MODEL.name,
        weights_sha256=MODEL.weights_sha256,
        precisions=("fp32",),
        scenarios=READING,
        export=lambda calibrating: calls.append(calibrating) or tiny_bundle,
        model=lambda bundle, backend, precision: MODEL,
        open=lambda bundle, backend, precision: Reads(TEXTS),
        spells=AOLP,
    )
    earlier = Earlier(tuple(replace(run, accuracy=kept) for run in RUNS))
    (subject,) = exported_subjects(exported, ["onnxruntime"], earlier, plates)
    assert calls == asked and exported_subjects(exported, ["onnxruntime"], earlier)[0].spells is None
    assert (subject.spells is None) == (not asked)


NOTHING = Earlier()


def trained():
    import torch

    torch.manual_seed(0)
    network = create("hpa-nano", AOLP).eval()
    return Source("hpa-resnet18", "stand-in", lambda: network, "b" * 64)


def start(tmp_path, earlier=NOTHING, plates=None):
    measurement = Measurement(
        replace(SPAN, passes=3, least=1, seconds=0.02), Surroundings(SteppingClock(50 * MILLISECOND), tmp_path)
    )
    told: list[str] = []
    wanted = Wanted(("torch",), ("fp32",), earlier=earlier, plates=plates)
    return run_papers([trained()], wanted, measurement, told.append, lambda threads: PEAKS).result, told


def test_a_later_start_reads_what_an_earlier_one_timed_and_times_nothing(tmp_path, plates):
    first, told = start(tmp_path)
    assert {run.accuracy for run in first.runs} == {None} and not any("reading" in line for line in told)
    second, told = start(tmp_path, Earlier(first.runs, 1, first.when), plates)
    assert any("torch, fp32: reading 3 labelled plates" in line for line in told) and not any("timing" in line for line in told)
    assert [run.samples_ns for run in second.runs] == [run.samples_ns for run in first.runs]
    assert [run.accuracy for run in second.runs] == [Accuracy(3, 0, plates.sha256(1), plates.name, from_card=False)] * 3
    third, told = start(tmp_path, Earlier(second.runs, 1, second.when))
    assert third.runs == second.runs and not any("reading" in line for line in told)


def test_all_is_timed_before_anything_is_read(tmp_path, plates):
    result, told = start(tmp_path, plates=plates)
    order = [line.rsplit(": ", 1)[1] for line in told if "torch, fp32" in line]
    assert order == ["timing", "reading 3 labelled plates"] and len(result.runs) == 3


def test_what_an_eager_network_returns_is_spelt_as_the_runtime_does():
    import torch

    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(4, CN.positions, CN.classes)))
    texts = texts_of(CN, SimpleNamespace(logits=logits))
    spelt = ["".join(CN.alphabet[index] for index in row if index < len(CN.alphabet)) for row in logits.argmax(2).tolist()]
    assert texts == spelt and len(set(texts)) == 4


def test_an_eager_network_of_tracks_reads_tracks_that_are_not_full():
    import torch

    network = small_network()
    frames = noise_frames(3)
    reader = TrackReader(network, threads=1)
    tracks = [list(frames[0]), list(frames[1][:2]), [*frames[2], *frames[1]]]  # full, short, and longer than is read at once
    texts = reader.read(tracks)
    present = torch.tensor([[1, 1, 0, 0, 0]], dtype=torch.float32)
    with torch.no_grad():
        classes = network(torch.from_numpy(frames[1][None]).float() / 255, present).logits.argmax(2)[0].tolist()
    alphabet = network.plate_format.alphabet
    assert len(texts) == 3 and texts[1] == "".join(alphabet[index] for index in classes if index < len(alphabet))
    reader.close()
    with pytest.raises(BackendError, match="was closed"):
        reader.read(tracks)


def cells_of(*runs, title="whole plates right"):
    section = paper_section(paper_rows([make_result(*runs)]))
    tables = [part for part in section.parts if isinstance(part, Table) and title in part.header]
    texts = " ".join(part.text for part in section.parts if isinstance(part, Text))
    return tables[0].rows[0][tables[0].header.index(title)], texts


def test_the_table_says_whether_a_card_says_so_and_how_to_measure():
    measured = replace(ACCURACY, data="ccpd, test part")
    card = replace(measured, from_card=True)
    cell, words = cells_of(make_run(model=MODEL, accuracy=measured))
    assert (
        cell == "99.00% (198 of 200, ccpd, test part)" and "calibrated on rendered plates" in words and "--labels" not in words
    )
    assert cells_of(make_run(model=MODEL, accuracy=replace(card, from_card=None)))[0].endswith("from its card)")
    cell, words = cells_of(make_run(model=MODEL, accuracy=card))
    assert cell.endswith("ccpd, test part, from its card)") and "--labels LABELS" in words and "calibrated" not in words
    cell, _ = cells_of(make_run(model=MODEL, accuracy=card), make_run(scope="end to end", model=MODEL, accuracy=measured))
    assert "card" not in cell
    assert "--labels" not in cells_of(make_run(model=make_model()))[1]  # random weights: there is nothing to measure


@pytest.mark.parametrize("options", [["--split", "test"], ["--format", "ccpd"]])
def test_options_about_labels_need_labels(options, capsys):
    assert run(["bench", "paper", *options]) == 2
    assert f"{options[0]} says which of the --labels are read" in capsys.readouterr().err


def test_a_mistake_in_the_labels_is_told_before_anything_is_timed(tmp_path, capsys):
    assert run(["bench", "paper", "--labels", str(tmp_path / "absent.csv")]) == 1
    assert "absent.csv" in capsys.readouterr().err
