"""Observing a graph on crops, and the ranges that each method takes from what was seen."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.calibrate import CalibrationDataReader, MinMaxCalibrater
from sample_networks import noise_crops

from edgelpr.calibration.entropy import MAGNITUDE_LEVELS, MOST_CLIPPED, asymmetric_limits, divergence, symmetric_limit
from edgelpr.calibration.histograms import BINS, Histogram, HistogramBuilder
from edgelpr.calibration.observing import CHUNK, Observations, Probe, observe, observe_growing, observe_with
from edgelpr.calibration.ranges import Range, ranges_of
from edgelpr.errors import CalibrationError, UsageError

METHODS = ("min-max", "percentile", "entropy")
RANDOM = np.random.default_rng(7)


def silent(done, total):
    """Progress that nobody looks at."""


def histogram_of(values, parts=3):
    values = np.asarray(values, np.float32)
    builder = HistogramBuilder(float(values.min()), float(values.max()))
    for part in np.array_split(values, parts):
        builder.add(part)
    return builder.build()


def seen(*values):
    return Observations({f"tensor {index}": histogram_of(item) for index, item in enumerate(values)}, 1)


def only_range(values, method, symmetric, **options):
    return ranges_of(seen(values), method, symmetric=symmetric, **options)["tensor 0"]


@pytest.fixture(scope="module")
def model(tiny_graph):
    return onnx.load_model_from_string(tiny_graph())


@pytest.fixture(scope="module")
def network():
    """A float input of three planes, a convolution, a reshape."""
    weight = RANDOM.normal(0, 1, (4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["input", "weight"], ["convolved"]),
        helper.make_node("Relu", ["convolved"], ["rectified"]),
        helper.make_node("Shape", ["rectified"], ["sides"]),
        helper.make_node("Flatten", ["rectified"], ["flat"]),
        helper.make_node("Flatten", ["flat"], ["logits"]),
    ]
    ends = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 6, 8])]
    results = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 96])]
    graph = helper.make_graph(nodes, "network", ends, results, [numpy_helper.from_array(weight, "weight")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class FakeProbe:
    """Makes tensors as it is told to, and remembers how many crops it was given at a time."""

    def __init__(self, make, names=("made",)):
        self._make, self.batches = make, []
        self.names, self.same_as = list(names), {}

    def run(self, crops):
        self.batches.append(len(crops))
        return {name: self._make(crops) for name in self.names}


def test_a_histogram_counts_every_value_once_wherever_parts_begin():
    values = RANDOM.normal(1, 3, 70_001).astype(np.float32)
    values[::10] = 0
    histogram = histogram_of(values, parts=9)
    assert (histogram.low, histogram.high) == (values.min(), values.max())
    assert (histogram.zeros, histogram.counts.sum()) == (7001, 63_000)
    edges = (np.arange(BINS + 1) - histogram.below) * histogram.width
    expected, _ = np.histogram(values[values != 0].astype(np.float64), edges)
    assert np.abs(histogram.counts - expected).sum() <= 20  # rounding at an edge moves a value to the neighbour
    assert histogram.counts[: histogram.below].sum() == pytest.approx((values < 0).sum(), abs=2)


@pytest.mark.parametrize("values", [[1, 2, 5], [-1, -2, -5], [-1, 5], [5, 5], [-5, -5], [1e-20, -3e-21], [3e38, -3e38]])
def test_a_histogram_of_few_values_loses_none(values):
    histogram = histogram_of(values, parts=2)
    assert histogram.counts.sum() == len(values)
    assert histogram.magnitudes.sum() == len(values)
    assert histogram.counts[: histogram.below].sum() == sum(value < 0 for value in values)


def test_magnitudes_fold_at_zero():
    histogram = histogram_of([-4, -4, 4, 1, -0.01])
    magnitudes = histogram.magnitudes
    assert (magnitudes[0] + magnitudes[-1] + magnitudes[-2], magnitudes[round(1 / histogram.width) - 2 :][:4].sum()) == (3, 1)
    assert magnitudes.nonzero()[0][-1] * histogram.width == pytest.approx(4, rel=0.001)


def test_every_float_tensor_is_seen_and_no_other(model):
    crops = noise_crops(3)
    observations = observe(model, crops, progress=silent)
    produced = {name for node in model.graph.node for name in node.output} - {"best", "classes"}
    assert set(observations.tensors) == produced
    assert observations.crops == 3
    pixels = observations.tensors["pixels"]
    assert (pixels.low, pixels.high, pixels.zeros) == (crops.min(), crops.max(), (crops == 0).sum())
    assert pixels.counts.sum() + pixels.zeros == crops.size
    assert (observations.tensors["nothing"].low, observations.tensors["nothing"].high) == (0, 0)


def test_a_float_input_is_seen_too_and_scaled(network):
    crops = noise_crops(2, (6, 8))
    observations = observe(network, crops, progress=silent, threads=1)
    assert list(observations.tensors) == ["input", "convolved", "rectified", "flat", "logits"]
    found = observations.tensors["input"]
    assert found.high == pytest.approx(crops.max() / 255, rel=1e-6) and found.counts.sum() + found.zeros == 3 * crops.size
    assert observations.tensors["rectified"] is observations.tensors["flat"] is observations.tensors["logits"]


def test_chunks_change_nothing(network):
    crops = noise_crops(2 * CHUNK + 3, (6, 8))
    whole = observe(network, crops, progress=silent).tensors["convolved"]
    parts = [observe(network, crops[[index]], progress=silent).tensors["convolved"] for index in range(len(crops))]
    assert whole.low == min(part.low for part in parts) and whole.high == max(part.high for part in parts)
    assert whole.counts.sum() == sum(part.counts.sum() for part in parts)


def test_progress_counts_both_passes(network):
    reports = []
    observe(network, noise_crops(CHUNK + 1, (6, 8)), progress=lambda done, total: reports.append((done, total)))
    total = 2 * (CHUNK + 1)
    assert reports == [(CHUNK, total), (CHUNK + 1, total), (2 * CHUNK + 1, total), (total, total)]


def test_memory_does_not_grow_with_the_crops():
    def peak(count):
        probe = FakeProbe(lambda crops: np.repeat(crops.astype(np.float32), 10, axis=0), names="abcde")
        crops = np.ones((count, 20, 40), np.uint8)
        tracemalloc.start()
        observe_with(probe, crops, silent)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert max(probe.batches) <= CHUNK and sum(probe.batches) == 2 * count
        return most

    tensors = 5 * 10 * CHUNK * 20 * 40 * 4
    assert tensors < peak(2 * CHUNK) < 1.7 * tensors  # never those of two chunks
    assert peak(20 * CHUNK) < 1.7 * tensors


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(bad):
    def broken(crops):
        return np.where(crops == 9, np.float32(bad), crops.astype(np.float32))

    crops = np.zeros((CHUNK + 2, 2, 2), np.uint8)
    crops[-1, 0, 0] = 9
    with pytest.raises(CalibrationError, match=f"'made' holds NaN or infinity .* crops {CHUNK + 1} to"):
        observe_with(FakeProbe(broken), crops, silent)


@pytest.mark.parametrize("crops", [np.zeros((0, 50, 160), np.uint8), np.zeros((50, 160), np.uint8), np.zeros((1, 50, 160))])
def test_crops_of_another_kind_are_refused(model, crops):
    with pytest.raises(CalibrationError, match="expected uint8"):
        observe(model, crops, progress=silent)


def test_crops_of_another_size_and_broken_graphs_are_refused(model):
    with pytest.raises(CalibrationError, match="failed on 1 crops of"):
        observe(model, noise_crops(1, (51, 160)), progress=silent)
    broken = onnx.ModelProto()
    broken.CopyFrom(model)
    broken.graph.node[1].op_type = "NoSuchOperator"
    with pytest.raises(CalibrationError, match="refuses the graph"):
        observe(broken, noise_crops(1), progress=silent)
    broken.graph.input.append(broken.graph.input[0])
    with pytest.raises(CalibrationError, match="2 inputs"):
        observe(broken, noise_crops(1), progress=silent)


class Feed(CalibrationDataReader):
    """Batches for ONNX Runtime's own calibrators."""

    def __init__(self, batches):
        self._batches = iter(batches)

    def get_next(self):
        return next(self._batches, None)


def test_min_max_is_exactly_that_of_onnx_runtime(network, tmp_path):
    crops = noise_crops(5, (6, 8))
    onnx.save(network, tmp_path / "network.onnx")
    theirs = MinMaxCalibrater(tmp_path / "network.onnx", augmented_model_path=str(tmp_path / "augmented.onnx"))
    theirs.augment_graph()
    theirs.create_inference_session()
    planes = np.repeat(crops[:, None] / np.float32(255), 3, axis=1)
    theirs.collect_data(Feed([{"input": plane[None]} for plane in planes]))
    found = theirs.compute_data().data
    ours = observe(network, crops, progress=silent).tensors
    assert len(found) >= 4
    for name, data in found.items():
        assert (ours[name].low, ours[name].high) == tuple(float(np.squeeze(value)) for value in data.range_value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize(
    "values",
    [
        RANDOM.normal(0, 1, 20_000),
        RANDOM.exponential(1, 5000),
        -RANDOM.exponential(1, 5000),
        np.maximum(RANDOM.normal(-1, 1, 5000), 0),
        RANDOM.uniform(3, 4, 500),
        [0.25],
        [-3, 0],
        np.zeros(9),
        [1e-40, -1e-41],
    ],
    ids=["normal", "positive", "negative", "rectified", "far", "constant", "two", "zero", "tiny"],
)
def test_a_range_holds_zero_and_nothing_that_was_not_seen(values, symmetric, method):
    found = only_range(values, method, symmetric)
    low, high = np.float32(np.min(values)), np.float32(np.max(values))
    assert min(low, 0) <= found.low <= 0 <= found.high <= max(high, 0)
    assert (found.magnitude == 0) == (low == high == 0)
    if method == "min-max":
        assert (found.low, found.high) == (min(low, 0), max(high, 0))


def test_percentile_is_the_known_one():
    values = RANDOM.permutation(np.linspace(-100, 300, 40_001))
    assert only_range(values, "percentile", False, percentile=90).low == pytest.approx(-80, abs=0.2)
    assert only_range(values, "percentile", False, percentile=90).high == pytest.approx(280, abs=0.2)
    assert only_range(values, "percentile", True, percentile=90).high == pytest.approx(260, abs=0.3)


def test_percentile_counts_zeros():
    values = np.concatenate([np.zeros(9000), np.linspace(0.001, 1, 1000)])
    assert only_range(values, "percentile", True, percentile=99).high == pytest.approx(0.9, abs=0.002)
    assert only_range(values, "percentile", True, percentile=80).magnitude == 0


@pytest.mark.parametrize("symmetric", [True, False])
def test_percentile_is_monotone_and_ends_at_min_max(symmetric):
    observations = seen(RANDOM.normal(0.5, 2, 3000), RANDOM.exponential(1, 300), [-1, 5])
    found = [ranges_of(observations, "percentile", symmetric=symmetric, percentile=share) for share in (51, 80, 99, 99.9, 100)]
    for narrow, wide in itertools.pairwise(found):
        assert all(wide[name].low <= narrow[name].low and narrow[name].high <= wide[name].high for name in wide)
    assert found[-1] == ranges_of(observations, "min-max", symmetric=symmetric)


@pytest.mark.parametrize("share", [50, 100.1, math.nan])
def test_an_impossible_percentile_is_refused(share):
    with pytest.raises(UsageError, match="percentile"):
        ranges_of(seen([1]), "percentile", symmetric=True, percentile=share)


def plain_divergence(counts, end, levels):
    """The published procedure, one bin after the other."""
    kept = list(counts[:end])
    clipped = [*kept[:-1], kept[-1] + sum(counts[end:])]
    quantised = [0.0] * end
    for level in range(levels):
        inside = range(level * end // levels, (level + 1) * end // levels)
        filled = [index for index in inside if kept[index]]
        for index in filled:
            quantised[index] = sum(kept[other] for other in filled) / len(filled)
    pairs = [(p / sum(clipped), q / sum(quantised)) for p, q in zip(clipped, quantised) if p]
    return math.inf if any(q == 0 for _, q in pairs) else sum(p * math.log(p / q) for p, q in pairs)


def test_divergence_is_that_of_the_plain_procedure():
    counts = RANDOM.poisson(np.exp(-np.linspace(0, 6, 300)) * 20).astype(np.float64)
    for end in (16, 100, 131, 200, 299, 300):
        assert divergence(counts, 0, end, 16) == pytest.approx(plain_divergence(counts, end, 16), abs=1e-12)
    assert divergence(counts[::-1], 100, 300, 16) > 0
    assert divergence(np.ones(64), 0, 64, 16) == pytest.approx(0, abs=1e-12)


def histogram_with(counts, below=0):
    counts = np.asarray(counts, np.int64)
    span = BINS if below in (0, BINS) else BINS - 1
    return Histogram(-float(below), float(span - below), 0, counts)


def test_entropy_finds_what_trying_every_edge_finds():
    """With few filled bins no edge is skipped, so the search must be as good as trying all."""
    counts = np.zeros(BINS, np.int64)
    places = np.unique(RANDOM.integers(1, BINS, 100))
    counts[places] = RANDOM.integers(1, 40, len(places)) * np.exp(-places / 400 + 8).astype(np.int64)
    counts[[1, BINS - 1]] = 50_000, 1
    total = counts.sum()
    edges = [int(place) + 1 for place in np.flatnonzero(counts) if place + 1 >= MAGNITUDE_LEVELS]
    allowed = [edge for edge in edges if counts[edge:].sum() <= MOST_CLIPPED * total]
    counts_beside_zero = np.where(np.arange(BINS) == 0, 0, counts)
    best = min(plain_divergence(counts_beside_zero.tolist(), edge, MAGNITUDE_LEVELS) for edge in allowed)
    limit = symmetric_limit(histogram_with(counts))
    assert limit in allowed and limit < BINS
    assert plain_divergence(counts_beside_zero.tolist(), int(limit), MAGNITUDE_LEVELS) <= best + 1e-12


@pytest.mark.parametrize("symmetric", [True, False])
def test_entropy_of_a_normal_distribution_clips_its_tails_alone(symmetric):
    found = only_range(RANDOM.normal(0, 1, 400_000), "entropy", symmetric)
    assert 3.2 < found.high < 5 and -5 < found.low < -3.2


@pytest.mark.parametrize("symmetric", [True, False])
def test_entropy_of_an_even_distribution_clips_nothing_that_matters(symmetric):
    found = only_range(RANDOM.uniform(-1, 2, 400_000), "entropy", symmetric)
    assert found.high > 1.99 and found.low < -0.99


@pytest.mark.parametrize("symmetric", [True, False])
def test_entropy_cuts_outliers_off(symmetric):
    values = np.concatenate([RANDOM.normal(0, 1, 400_000), np.linspace(30, 45, 30)])
    found = only_range(values, "entropy", symmetric)
    assert 3.2 < found.high < 8
    assert only_range(-values, "entropy", symmetric).low == pytest.approx(-found.high, rel=0.1)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("near_zero", [0, 1e-6])
def test_zeros_and_what_is_almost_zero_decide_nothing(symmetric, near_zero):
    values = RANDOM.exponential(1, 50_000).astype(np.float32)
    alone = only_range(values, "entropy", symmetric)
    crowded = only_range(np.concatenate([values, np.full(800_000, near_zero)]), "entropy", symmetric)
    assert crowded.high >= 0.8 * alone.high


@pytest.mark.parametrize("symmetric", [True, False])
def test_entropy_never_clips_a_channel_whole(symmetric):
    """One channel of 200 holds all large values."""
    values = np.concatenate([RANDOM.uniform(0, 0.05, 199 * 300), RANDOM.normal(1.5, 0.02, 300)])
    assert only_range(values, "entropy", symmetric).high > 1.4


def test_entropy_of_uint8_searches_both_ends():
    values = np.concatenate([RANDOM.normal(0, 1, 400_000), [-25, -24, 25, 24]])
    low, high = asymmetric_limits(histogram_of(values))
    assert -8 < low < -3.2 and 3.2 < high < 8


def test_symmetric_and_not_differ_where_it_matters():
    values = np.concatenate([RANDOM.uniform(0, 10, 10_000), RANDOM.uniform(-1, 0, 10_000)])
    both = [only_range(values, "percentile", symmetric, percentile=99) for symmetric in (True, False)]
    assert both[0].low == values.astype(np.float32).min() and both[1].low > -1 and both[0].high < both[1].high


@pytest.mark.parametrize(("low", "high"), [(0.1, 1), (-2, -1), (math.nan, 1), (0, math.inf)])
def test_a_range_without_zero_or_end_is_refused(low, high):
    with pytest.raises(CalibrationError, match="expected two finite numbers"):
        Range(low, high)


def test_growing_gives_what_each_part_would_give_alone(network):
    crops = noise_crops(2 * CHUNK + 3, (6, 8))
    crops[-1] = 255  # the second group widens what the first one showed
    groups, probe, reports = [(crops[: CHUNK + 2],), (crops[CHUNK + 2 :],)], Probe(network, None), []
    grown = observe_growing(probe, groups, lambda done, total: reports.append((done, total)))
    for found, part in zip(grown, (groups[0][0], crops), strict=True):
        alone = observe_with(probe, part, silent)
        assert found.crops == alone.crops
        for name, histogram in alone.tensors.items():
            same = found.tensors[name]
            assert (same.low, same.high, same.zeros) == (histogram.low, histogram.high, histogram.zeros)
            assert np.array_equal(same.counts, histogram.counts)
    assert reports[-1] == (2 * len(crops), 2 * len(crops)) and reports == sorted(reports)
