"""``edgelpr bench paper`` exports and calibrates only what has runs missing, of single crops and of tracks alike."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import pytest
from sample_bench import MILLISECOND, SPAN, SteppingClock
from sample_results import ACCURACY, PEAKS, make_model, make_run

pytest.importorskip("torch", reason="the papers' networks need the extra 'export'")
pytest.importorskip("onnxruntime")

from sample_tracks import small_network

from edgelpr.benchmarks.bench.measuring import Measurement, Surroundings
from edgelpr.benchmarks.paper_table import track_subjects as tracks
from edgelpr.benchmarks.paper_table.earlier import Earlier
from edgelpr.benchmarks.paper_table.exported import Exported, exported_subjects
from edgelpr.benchmarks.paper_table.running import run_papers
from edgelpr.benchmarks.paper_table.sources import Source
from edgelpr.benchmarks.paper_table.subject import READING, Wanted
from edgelpr.models.hpa import create
from edgelpr.plates.loading import load_plate_format

PRECISIONS = ("fp32", "fp16", "int8")
TRACK, READINGS = "small, exported", "5 readings by a single one, rewritten"


def runs_of(name, precisions, sha256="b" * 64):
    model = make_model(name, weights_sha256=sha256)
    return tuple(make_run(*each, model=model, precision=precision) for precision, each in product(precisions, READING))


def exported(asked, there=PRECISIONS):
    """Graphs of a bundle that has some precisions; what is asked of the export is kept."""
    graphs = SimpleNamespace(graph=lambda precision, backend: precision if precision in there else None)
    bundle = SimpleNamespace(manifest=graphs)
    return Exported(
        name=TRACK,
        weights_sha256="b" * 64,
        precisions=PRECISIONS,
        scenarios=READING,
        export=lambda calibrating: asked.append(calibrating) or bundle,
        model=lambda bundle, backend, precision: make_model("as the bundle calls it"),
        open=lambda bundle, backend, precision: f"{backend} {precision}",
        accuracy=lambda backend, precision: ACCURACY,
    )


def named(subjects):
    return [(each.backend, each.precision) for each in subjects]


@pytest.mark.parametrize(
    ("there", "asked"),
    [((), [True]), (("fp32",), [True]), (("fp16", "int8"), [False]), (PRECISIONS, [])],
)
def test_what_is_missing_decides_what_is_made(there, asked):
    calls: list[bool] = []
    found = exported_subjects(exported(calls), ["onnxruntime"], Earlier(runs_of(TRACK, there)))
    assert calls == asked
    assert named(found) == [("onnxruntime", precision) for precision in PRECISIONS]  # in this order, whatever was there


def test_one_scenario_that_is_missing_is_enough():
    calls: list[bool] = []
    earlier = Earlier(runs_of(TRACK, PRECISIONS)[:-1])
    found = exported_subjects(exported(calls), ["onnxruntime"], earlier)
    assert calls == [True] and found[-1].open() == "onnxruntime int8"
    with pytest.raises(AssertionError, match="measured before"):
        found[0].open()


def test_precisions_are_the_bundles_where_it_was_made_and_the_earlier_runs_otherwise():
    def found(bundle, earlier, engines=("onnxruntime",)):
        return named(exported_subjects(exported([], bundle), engines, Earlier(runs_of(TRACK, earlier))))

    assert found(["fp32"], []) == [("onnxruntime", "fp32")]
    assert found(["fp32"], ["int8"]) == [("onnxruntime", "fp32"), ("onnxruntime", "int8")]
    two = found(["fp32"], PRECISIONS, ["onnxruntime", "tensorrt"])
    assert two == [*(("onnxruntime", precision) for precision in PRECISIONS), ("tensorrt", "fp32")]


def test_a_graph_bears_the_name_that_its_runs_are_found_by():
    found = exported_subjects(exported([]), ["onnxruntime"], Earlier())
    assert {(each.model.name, each.model.weights_sha256) for each in found} == {(TRACK, "b" * 64)}
    assert [each.accuracy for each in found] == [ACCURACY, None, None]  # ranges are not those of the card


@pytest.fixture
def source():
    """The small network of tracks, and a single one beside it."""
    plates = load_plate_format("cn")
    single = Source("hpa-resnet18", "a single one", lambda: create("hpa-nano", plates).eval(), "c" * 64)
    return Source("iq-stan", "small", lambda: small_network(plate_format=plates), "b" * 64, beside=single)


ALL = (*runs_of(TRACK, PRECISIONS), *runs_of(READINGS, ["fp32"], "c" * 64))


def test_a_network_of_tracks_whose_runs_are_there_is_not_exported_again(source, tmp_path):
    measurement = Measurement(SPAN, Surroundings(SteppingClock(50 * MILLISECOND), tmp_path))
    told: list[str] = []
    wanted = Wanted(("onnxruntime",), earlier=Earlier(ALL[::-1], 1, "2030"))
    done = run_papers([source], wanted, measurement, told.append, lambda threads: PEAKS)
    assert done.result.runs == ALL
    assert not [line for line in told if "exporting" in line or "calibrating" in line or "timing" in line]


def test_one_precision_of_a_network_of_tracks_is_exported_alone(source, tmp_path, monkeypatch, tiny_bundle):
    monkeypatch.setattr(tracks, "calibrated", None)
    monkeypatch.setattr(tracks, "export_track_bundle", lambda *rest: SimpleNamespace(bundle=tiny_bundle))
    wanted = Wanted(("onnxruntime",), earlier=Earlier(ALL[2:]))
    told: list[str] = []
    found = list(tracks.track_subjects(source, wanted, tmp_path, told.append))
    assert [(each.model.name, each.precision) for each in found] == [
        *((TRACK, precision) for precision in PRECISIONS),
        (READINGS, "fp32"),
    ]
    assert told == ["small: exporting"]
    assert found[0].model.weights_sha256 == "b" * 64 and found[0].model.parameters is not None


def test_single_readings_are_exported_where_only_they_are_missing(source, tmp_path, monkeypatch, tiny_bundle):
    forms = []
    monkeypatch.setattr(tracks, "export_form", lambda single, *rest: forms.append(single.title) or tiny_bundle)
    wanted = Wanted(("onnxruntime",), earlier=Earlier(ALL[:-1]))
    told: list[str] = []
    found = list(tracks.track_subjects(source, wanted, tmp_path, told.append))
    assert forms == ["a single one"] and told == []
    model = found[-1].model
    assert (model.name, model.weights_sha256, model.architecture, model.frames) == (READINGS, "c" * 64, None, 5)
