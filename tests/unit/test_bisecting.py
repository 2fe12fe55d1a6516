"""Finding the layers that cost plates, and the fewest to keep in higher precision."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from sample_approvals import approval_of
from sample_reduced import LAYERS, PLATES, calibrated, labelled_as_read, network, spoil_halves, spoil_tensor, spoil_weights

from edgelpr.benchmarks.bisecting import running
from edgelpr.benchmarks.bisecting.bisection import Bisection
from edgelpr.benchmarks.bisecting.chart import write_bisection_chart
from edgelpr.benchmarks.bisecting.costs import Cost, cost_of
from edgelpr.benchmarks.bisecting.following import followers
from edgelpr.benchmarks.bisecting.layers import Layer, find_layers, group_layers
from edgelpr.benchmarks.bisecting.plates import PreparedPlates, plates_to_choose_on, prepare_plates
from edgelpr.benchmarks.bisecting.reading import GraphReader
from edgelpr.benchmarks.bisecting.searching import fewest_passing, thin_out
from edgelpr.benchmarks.bisecting.sensitivity import Sensitivity, rankings
from edgelpr.benchmarks.bisecting.variants import fp16_variants, int8_variants
from edgelpr.bundle.bundle import Bundle
from edgelpr.bundle.recording import record_accuracy, record_approvals
from edgelpr.calibration.graphs import GraphIndex
from edgelpr.calibration.opening import read_record
from edgelpr.calibration.running import Readings
from edgelpr.cli.bisecting import bisect_and_report
from edgelpr.cli.output import print_json
from edgelpr.data.labelled import LabelledCrop
from edgelpr.errors import BundleError, CalibrationError, DataError, UsageError
from edgelpr.export.counting import count_graph_multiply_adds, count_multiply_adds_by_node
from edgelpr.runtime.recognizer import Recognizer
from edgelpr.training.paired import PairedCounts

NODES = tuple(f"conv.{name}" for name in LAYERS)


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    monkeypatch.setattr("edgelpr.benchmarks.timing._settle", lambda *_: None)
    monkeypatch.setattr(running.measure_speed, "__defaults__", (3,))


@pytest.fixture
def make(tiny_manifest, tmp_path):
    """A calibrated bundle and plates that fp32 reads right, every one."""

    def make(spoil=None):
        bundle = calibrated(tmp_path / "small.elpr", tiny_manifest(maps=False), spoil)
        return bundle, labelled_as_read(bundle, tmp_path)

    return make


def report(bundle, labelled, **changes):
    values = {"precision": "int8", "backend": "onnxruntime", "max_loss": 25.0, "threads": 1, "batch_size": 16}
    return bisect_and_report(
        bundle, labelled, **(values | {"rectify": False, "chart": None, "take": print_json, "keep_slow": True} | changes)
    )


def correct(bundle, labelled, precision="int8"):
    with Recognizer.open(bundle, precision=precision, threads=1, allow_unapproved=True) as recognizer:
        readings = recognizer.read([crop.path for crop in labelled])
    return sum(reading.plate == crop.plate for reading, crop in zip(readings, labelled))


# The search, with costs made up.


@pytest.mark.parametrize("seed", range(40))
def test_exactly_what_is_needed_is_kept(seed):
    chance = random.Random(seed)
    items = list(range(chance.randint(1, 30)))
    needed = set(chance.sample(items, chance.randint(0, len(items))))
    chance.shuffle(items)
    assert set(fewest_passing(items, lambda kept: needed <= set(kept))) == needed


@pytest.mark.parametrize("seed", range(40))
def test_what_is_kept_passes_and_nothing_of_it_can_go_even_where_more_is_not_better(seed):
    chance, known = random.Random(seed), {}
    items = list(range(12))

    def passes(kept):
        return known.setdefault(frozenset(kept), len(kept) == len(items) or chance.random() < 0.08)

    kept = fewest_passing(items, passes)
    assert passes(kept)
    assert not any(passes([other for other in kept if other != item]) for item in kept)


def test_a_good_ranking_needs_few_trials():
    tried = []
    kept = fewest_passing(range(64), lambda kept: tried.append(kept) or {0, 1, 2} <= set(kept))
    assert (kept, len(tried) < 12) == ((0, 1, 2), True)


def test_nothing_is_kept_where_nothing_need_be():
    assert fewest_passing("abc", lambda kept: True) == ()


def test_it_is_said_when_everything_is_not_enough():
    assert fewest_passing("abcde", lambda kept: False) is None


def test_what_is_last_is_left_out_first():
    assert thin_out("abc", lambda kept: len(kept) >= 1) == ("a",)


# Whole bisections.


def test_the_layer_that_was_spoilt_is_found_and_kept_in_every_int8_file(make, capsys):
    bundle, labelled = make(spoil_weights)
    assert correct(bundle, labelled) < 0.5 * PLATES
    kept = report(bundle, labelled)
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["kept"]) == ("found", ["conv.third"])
    assert correct(kept, labelled) >= 0.75 * PLATES
    assert Bundle.open(bundle.path) == kept
    assert read_record(kept).kept == {"int8-cpu": ("conv.third",), "int8": ("conv.third",)}
    assert found["kept_by_file"] == {"int8-cpu": ["conv.third"], "int8": ["conv.third"]}
    for file in ("int8-cpu.onnx", "int8.onnx"):
        index = GraphIndex(onnx.load(kept.file(file)))
        assert index.makers["third"].input[1] in index.constants
        assert index.makers["second"].input[1] not in index.constants


def test_two_layers_that_spoil_a_tensor_between_them_are_both_found(make, capsys):
    bundle, labelled = make(spoil_tensor)
    kept = report(bundle, labelled)
    found = json.loads(capsys.readouterr().out)
    assert found["kept"] == ["conv.second", "conv.third"]
    assert correct(kept, labelled) >= 0.75 * PLATES
    costs = {each["layer"]: each["alone"]["shift"] for each in found["layers"]}
    assert min(costs["second"], costs["third"]) > 5 * max(costs["first"], costs["head"])


def test_fp16_keeps_the_layer_whose_weights_it_cannot_hold(make, capsys):
    bundle, labelled = make(spoil_halves)
    before = bundle.manifest.files
    kept = report(bundle, labelled, precision="fp16")
    found = json.loads(capsys.readouterr().out)
    assert found["kept"] == ["conv.third"]
    assert read_record(kept).kept == {"fp16": ("conv.third", "third.relu")}
    assert correct(bundle, labelled, "fp16") >= 0.9 * PLATES
    assert [name for name in before if kept.manifest.files[name] != before[name]] == ["calibration.json", "fp16.onnx"]


def test_a_graph_that_passes_is_left_alone(make, capsys):
    bundle, labelled = make()
    assert report(bundle, labelled, take=None) is bundle
    assert Bundle.open(bundle.path) == bundle
    shown = capsys.readouterr()
    assert "Nothing to keep: int8-cpu.onnx loses" in shown.out
    assert all(name in shown.out for name in LAYERS)
    assert "chosen on these plates" not in shown.err


def test_a_gate_that_not_even_fp32_passes_is_said_so(make, capsys):
    bundle, labelled = make()
    assert report(bundle, labelled, take=None, max_loss=-1.0) is bundle
    assert "even with every layer kept it loses more. Nothing was changed" in capsys.readouterr().out


def test_figures_of_the_former_graph_are_dropped(make):
    bundle, labelled = make(spoil_weights)
    bundle = record_accuracy(
        bundle, {"precision": "int8", "backend": "onnxruntime", "data_sha256": "a", "rectify": False, "plate_accuracy": 0.1}
    )
    bundle = record_approvals(bundle, [approval_of(bundle.file("int8-cpu.onnx").read_bytes(), "int8")])
    kept = report(bundle, labelled)
    assert (kept.manifest.accuracy, kept.manifest.approvals) == ((), ())


def test_what_was_found_is_told_in_words(make, capsys, tmp_path):
    bundle, labelled = make(spoil_weights)
    chart = tmp_path / "layers.png"
    report(bundle, labelled, take=None, chart=chart)
    shown = capsys.readouterr()
    row = next(line for line in shown.out.splitlines() if line.startswith("third"))
    assert row.split()[-1] == "yes"
    assert "With 1 of 4 layers (" in shown.out and "int8-cpu.onnx keeps in fp32: third" in shown.out
    assert "int8.onnx keeps in fp16: third" in shown.out and "times as fast as fp32" in shown.out
    assert "one plate of 40 is 2.50 points" not in shown.err
    assert "chosen on these plates, which therefore approve nothing" in shown.err
    assert cv2.imread(str(chart)).shape[0] > 4 * 34


@pytest.mark.parametrize(("max_loss", "expected"), [(2.0, ["single plate decides", "by chance"]), (50.0, [])])
def test_too_few_plates_for_the_gate_are_warned_of(make, capsys, max_loss, expected):
    bundle, labelled = make()
    report(bundle, labelled, max_loss=max_loss)
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning")]
    assert len(warnings) == len(expected)
    assert all(words in warning for words, warning in zip(expected, warnings))


def test_an_interruption_leaves_the_bundle_and_says_how_far_it_came(make, capsys, monkeypatch):
    bundle, labelled = make(spoil_weights)
    read, calls = GraphReader.read, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return read(*arguments)

    monkeypatch.setattr(GraphReader, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report(bundle, labelled)
    assert Bundle.open(bundle.path) == bundle
    # Two readings come first: fp32, and the graph as it is.
    assert "Interrupted after 3 of 9 graphs of the table; the bundle is as it was" in capsys.readouterr().err


def test_files_that_cannot_be_read_count_as_lost_by_both(make, capsys, tmp_path):
    bundle, labelled = make()
    report(bundle, [*labelled, LabelledCrop(tmp_path / "absent.png", "1234")])
    found = json.loads(capsys.readouterr().out)
    assert (found["plates"], found["ranked_on"]) == (PLATES + 1, PLATES)


def test_layers_are_measured_in_groups_when_asked_to(make, capsys):
    bundle, labelled = make(spoil_weights)
    report(bundle, labelled, grouped=True)
    found = json.loads(capsys.readouterr().out)
    assert found["kept"] == ["conv.third"]


# What is refused.


@pytest.mark.parametrize(
    ("changes", "expected", "message"),
    [
        ({"precision": "fp32"}, UsageError, "nothing in fp32 can be kept in higher precision"),
        ({"backend": "torch"}, UsageError, "reads with onnxruntime, not with torch"),
        ({}, BundleError, "has no int8 graph for onnxruntime"),
    ],
)
def test_what_cannot_be_bisected_is_refused(bundle, changes, expected, message):
    with pytest.raises(expected, match=message):
        report(Bundle.open(bundle), [], **changes)


def test_a_graph_that_calibrate_did_not_make_is_refused(make):
    bundle, labelled = make()
    graphs = tuple(
        replace(graph, made_for="any") for graph in bundle.manifest.graphs if graph.file in ("fp32.onnx", "int8.onnx")
    )
    foreign = Bundle(bundle.path, replace(bundle.manifest, graphs=graphs))
    with pytest.raises(CalibrationError, match=r"int8 is 'int8.onnx', which 'edgelpr calibrate' did not make"):
        report(foreign, labelled)


def test_plates_of_which_none_can_be_loaded_are_refused(make, tmp_path):
    bundle, _ = make()
    with pytest.raises(DataError, match="none of the 1 labelled plates can be loaded"):
        report(bundle, [LabelledCrop(tmp_path / "absent.png", "1")])


# The parts.


def node(kind, inputs, name):
    return helper.make_node(kind, inputs, [name], name)


def residual():
    """a and b are added, c reads the sum, and its result is added to the sum again."""
    nodes = [
        node("Conv", ["x", "w"], "a"),
        node("Conv", ["x", "w"], "b"),
        node("Add", ["a", "b"], "sum"),
        node("Relu", ["sum"], "relu"),
        node("Conv", ["relu", "w"], "c"),
        node("Add", ["c", "relu"], "second"),
    ]
    return helper.make_model(helper.make_graph(nodes, "residual", [], []))


@pytest.mark.parametrize(
    ("kept", "followed"),
    [("", ()), ("a", ("sum",)), ("c", ("second",)), ("ab", ("sum",)), ("ac", ("sum", "second")), ("abc", ("sum", "second"))],
)
def test_what_directly_follows_a_kept_layer_is_kept_but_not_all_that_it_leads_to(kept, followed):
    assert followers(residual(), "abc", list(kept), ["Add"]) == followed


def test_in_half_precision_what_only_passes_on_is_kept_too():
    assert followers(residual(), "abc", ["a"], None) == ("sum", "relu")


def test_keeping_everything_is_fp32():
    model = onnx.load_from_string(network())
    half = fp16_variants(model)
    kept = half.build(half.nodes)
    assert not [item for item in kept.graph.initializer if item.data_type == TensorProto.FLOAT16]


def test_both_int8_files_can_be_varied(make):
    bundle, _ = make()
    model, record = onnx.load(bundle.file("fp32.onnx")), read_record(bundle)
    assert int8_variants(model, record, "int8-cpu").nodes == NODES
    assert int8_variants(model, record, "int8").nodes == NODES[1:]  # what takes the picture stays in float


@pytest.mark.parametrize("kept", [["conv.third"], ["conv.second", "conv.head"]])
def test_onnxruntime_does_not_round_what_is_kept(make, kept, tmp_path):
    bundle, _ = make()
    variants = int8_variants(onnx.load(bundle.file("fp32.onnx")), read_record(bundle), "int8-cpu")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "optimised.onnx"), 3
    model = variants.build(kept)
    onnx.checker.check_model(model, full_check=True)
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    rounded = kinds.count("QLinearConv")
    assert (rounded, kinds.count("Conv") + kinds.count("FusedConv")) == (4 - len(kept), len(kept))


def test_layers_are_called_after_the_modules_of_their_weights():
    model = onnx.load_from_string(network())
    layers = find_layers(model, NODES)
    assert [layer.name for layer in layers] == list(LAYERS)
    assert [layer.multiply_adds for layer in layers] == [8 * 25 * 5 * 16, 8 * 72 * 5 * 16, 8 * 72 * 5 * 16, 11 * 8 * 5 * 16]
    assert sum(count_multiply_adds_by_node(model).values()) == count_graph_multiply_adds(model)


def test_groups_are_as_fine_as_their_number_allows():
    names = ["net.one.0.a", "net.one.0.b", "net.one.1.a", "net.two.0.a", "head"]
    layers = [Layer(name, (name.upper(),), 1) for name in names]
    assert [group.name for group in group_layers(layers, 4)] == ["net.one.0", "net.one.1", "net.two.0", "head"]
    assert [group.name for group in group_layers(layers, 3)] == ["net.one", "net.two", "head"]
    assert group_layers(layers, 3)[0] == Layer("net.one", ("NET.ONE.0.A", "NET.ONE.0.B", "NET.ONE.1.A"), 3)
    assert [group.name for group in group_layers(layers, 1)] == ["net", "head"]


def readings(*plates, probability=0.9):
    classes = np.array([[ord(letter) for letter in plate] for plate in plates], np.int32)
    return Readings(plates, classes, np.full(classes.shape, probability, np.float32))


def prepared(*texts, unreadable=0):
    return PreparedPlates(np.zeros((len(texts), 1, 1), np.uint8), texts, unreadable=unreadable)


def test_a_loss_is_counted_against_all_plates():
    cost = cost_of(prepared("AA", "BB", "CC", unreadable=1), readings("AA", "BB", "CX"), readings("AX", "BX", "CC"))
    assert cost.counts == PairedCounts(0, 2, 1, 1)
    assert (cost.net_loss, cost.loss_points, cost.changed) == (1, 25.0, 3)
    low, high = cost.loss_interval
    assert low < 25 < high
    assert cost.passes(25.0) and not cost.passes(24.9)


def test_probabilities_tell_where_plates_do_not():
    plates = prepared("AA", "BB")
    cost = cost_of(plates, readings("AA", "BB"), readings("AA", "BB", probability=0.8))
    assert (cost.net_loss, round(cost.shift, 6)) == (0, 0.1)


def test_a_graph_that_overflows_never_passes():
    cost = cost_of(prepared("AA"), readings("AA"), readings("AA", probability=np.nan))
    assert (cost.broken, cost.shift, cost.passes(100.0)) == (True, 1.0, False)


def test_plates_are_thinned_out_evenly_and_prepared_once(tiny_manifest, tmp_path):
    labelled = []
    for number in range(5):
        labelled.append(LabelledCrop(tmp_path / f"{number}.png", str(number)))
        cv2.imwrite(str(labelled[-1].path), np.full((50, 160), 10 * number, np.uint8))
    reached = []
    plates = prepare_plates(labelled, tiny_manifest().preprocessing, False, lambda done, total: reached.append((done, total)))
    few = plates.evenly(3)
    assert reached[-1] == (5, 5)
    assert (few.texts, few.crops[:, 0, 0].tolist()) == (("0", "2", "4"), [0, 20, 40])
    assert plates.evenly(9).texts == plates.texts


def test_layers_are_chosen_on_no_more_plates_than_the_record_can_name(tmp_path):
    labelled = [LabelledCrop(tmp_path / f"{number}.png", str(number)) for number in range(9)]
    assert plates_to_choose_on(labelled) == labelled
    assert [crop.plate for crop in plates_to_choose_on(labelled, most=3)] == ["0", "4", "8"]


def test_layers_are_ranked_by_gain_and_by_cost():
    def sensitivity(name, alone, gain):
        cost = Cost(PairedCounts(1, 0, 0, 0), 0, alone)
        return Sensitivity(Layer(name, (name,), 1), cost, cost, gain)

    by_gain, by_cost = rankings([sensitivity("a", 0.3, 0.0), sensitivity("b", 0.1, 0.2), sensitivity("c", 0.2, 0.1)])
    assert "".join(layer.name for layer in by_gain) == "bca"
    assert "".join(layer.name for layer in by_cost) == "acb"


def test_a_chart_that_cannot_be_written_is_said_so(tmp_path):
    cost = Cost(PairedCounts(1, 0, 0, 0), 0, 0.0)
    layer = Layer("only", ("only",), 1)
    rows = (Sensitivity(layer, cost, cost, 0.0),)
    found = Bisection("int8", "engine", "int8-cpu.onnx", "passes", 0.3, 1, 1, cost, None, rows, (layer,), 1)
    write_bisection_chart(tmp_path / "chart.jpg", found)
    with pytest.raises(DataError, match="writes no files ending in '.doc'"):
        write_bisection_chart(tmp_path / "chart.doc", found)
