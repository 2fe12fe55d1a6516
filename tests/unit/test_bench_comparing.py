"""Comparisons: right ratios, honest intervals, and refusals that say why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sample_bench import MACHINE, sample_result, sample_run

from edgelpr.benchmarks.bench.bootstrap import bootstrap_ratio, mean, percentile
from edgelpr.benchmarks.bench.comparing import compare_results
from edgelpr.benchmarks.bench.result import Failure
from edgelpr.benchmarks.bench.run import Model
from edgelpr.errors import DataError, UsageError


def times(middle: float, seed: int, count: int = 400) -> tuple[int, ...]:
    return tuple(int(value) for value in np.random.default_rng(seed).normal(middle, 0.05 * middle, count))


def test_twice_as_fast_is_a_ratio_of_two_within_its_interval():
    ratio = bootstrap_ratio(times(2e6, 1), times(1e6, 2), percentile(50))
    assert ratio.low < 2 < ratio.high
    assert ratio.value == pytest.approx(2, abs=0.03)
    assert ratio.high - ratio.low < 0.06


def test_the_same_seed_gives_the_same_interval():
    first, second = times(2e6, 1), times(1e6, 2)
    assert bootstrap_ratio(first, second, mean, seed=3) == bootstrap_ratio(first, second, mean, seed=3)
    assert bootstrap_ratio(first, second, mean, seed=3) != bootstrap_ratio(first, second, mean, seed=4)


def test_neighbours_that_are_alike_make_the_interval_wider():
    rng = np.random.default_rng(0)
    slow_and_fast = np.repeat(rng.normal(1e6, 1e5, 40), 10).astype(int)  # each state lasts ten samples
    other = times(1e6, 5)
    blocks = bootstrap_ratio(slow_and_fast, other, mean)
    shuffled = bootstrap_ratio(rng.permutation(slow_and_fast), other, mean)
    assert blocks.high - blocks.low > 1.4 * (shuffled.high - shuffled.low)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for trial in range(60):
        ratio = bootstrap_ratio(times(1e6, 2 * trial, 100), times(1e6, 2 * trial + 1, 100), mean, seed=trial)
        held += ratio.low <= 1 <= ratio.high
    assert held >= 51


def compare(first, second, *across):
    return compare_results(sample_result(first), sample_result(second), across)


def test_precision_backend_and_version_are_what_comparing_is_about():
    int8 = sample_run(precision="int8", model=Model("plates", "hpa-nano", "cn", "d" * 64))
    found = compare_results(sample_result(), sample_result(int8, edgelpr_version="0.2.0"))
    assert [each.text for each in found.compared[0].differences] == [
        "precision is fp32 in one, int8 in the other",
        "edgelpr is 0.1.0 in one, 0.2.0 in the other",
    ]


def test_a_gpu_beside_a_processor_differs_in_its_backend_only():
    gpu = sample_run(backend="tensorrt", device="Orin", threads=None, model=Model("plates", "hpa-nano", "cn", "e" * 64))
    assert [each.field for each in compare(sample_run(), gpu).compared[0].differences] == ["backend"]


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"scope": "end to end"}, "scope", "not comparable: scope is network only in one, end to end in the other"),
        ({"scenario": "paper"}, "scenario", "scenario is single-stream in one, paper in the other"),
        ({"batch": 4}, "batch", "batch is 1 in one, 4 in the other"),
        ({"threads": 2}, "threads", "threads is 1 in one, 2 in the other"),
        ({"duration": "quick"}, "duration", "duration is default in one, quick in the other"),
        ({"device": "CUDA"}, "device", "device is CPU in one, CUDA in the other"),
        ({"model": Model("other", "hpa-nano", "cn", "a" * 64)}, "model", "model is plates in one, other in the other"),
        ({"model": Model("plates", "hpa-nano", "cn", "f" * 64)}, "graph", "graph is aaaaaaaaaaaa in one, ffffffffffff in the"),
    ],
)
def test_what_differs_is_refused_by_name_and_may_be_let_through(changes, field, message):
    other = sample_run(**changes)
    with pytest.raises(DataError, match=f"{message}.*--across {field}"):
        compare(sample_run(), other)
    assert field in [each.field for each in compare(sample_run(), other, field).compared[0].differences]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"power_mode": "MAXN"}, "power-mode is 15W in one, MAXN in the other"),
        ({"processor": "Other CPU"}, "machine is processor Some CPU in one, processor Other CPU in the other"),
        ({"versions": {"numpy": "2.0", "onnxruntime": "1.21"}}, "versions is onnxruntime 1.20 in one, onnxruntime 1.21 in the"),
    ],
)
def test_another_machine_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        compare_results(sample_result(), sample_result(machine=MACHINE | changes))


def test_versions_of_packages_that_have_no_part_do_not_matter():
    other = MACHINE | {"versions": MACHINE["versions"] | {"torch": "2.9"}}
    assert compare_results(sample_result(), sample_result(machine=other)).compared


def test_runs_are_paired_and_the_others_named():
    both = sample_result(sample_run(), sample_run(scenario="offline", batch=16))
    found = compare_results(both, sample_result(sample_run(), sample_run(scenario="paper")))
    assert [each.second.scenario for each in found.compared] == ["single-stream"]
    assert found.only_first == ("offline, network only, batch 16, plates",)
    assert found.only_second == ("paper, network only, batch 1, plates",)


def test_several_models_in_one_result_are_paired_by_name():
    runs = [sample_run(model=Model(name, graph_sha256=name * 64)) for name in "ab"]
    found = compare_results(sample_result(*runs), sample_result(*reversed(runs)))
    assert [each.first.model == each.second.model for each in found.compared] == [True, True]


def test_nothing_in_common_says_what_there_is():
    first = sample_result(sample_run(), sample_run(scope="end to end"))
    second = sample_result(sample_run(scenario="offline"), sample_run(scenario="paper"))
    with pytest.raises(DataError, match=r"not comparable: the first has single-stream, network only.*the second has offline"):
        compare_results(first, second)
    with pytest.raises(DataError, match="holds no run"):
        compare_results(first, replace(second, runs=()))


def test_only_known_fields_are_let_through():
    with pytest.raises(UsageError, match="--across colour is unknown; choose of scenario"):
        compare(sample_run(), sample_run(), "colour")


def test_a_p90_is_compared_where_both_have_one():
    few = sample_run(tuple(range(1000, 1060)))
    assert set(compare(few, sample_run()).compared[0].ratios) == {"median", "throughput"}
    assert set(compare(sample_run(), sample_run()).compared[0].ratios) == {"median", "p90", "throughput"}


def test_throughput_counts_plates():
    small, large = sample_run(times(1e6, 1), batch=4, plates=1600), sample_run(times(1e6, 2), batch=8, plates=3200)
    assert compare(small, large, "batch").compared[0].ratios["throughput"].value == pytest.approx(2, abs=0.03)


def test_few_samples_have_an_interval_of_the_median_only_and_very_few_none():
    six = compare(sample_run(times(1e6, 1, 6)), sample_run(times(2e6, 2, 6))).compared[0].ratios
    assert six["median"].low <= 0.5 <= six["median"].high < 0.6
    assert (six["throughput"].low, six["throughput"].high) == (None, None) and 0.45 < six["throughput"].value < 0.55
    one = compare(sample_run((1300,)), sample_run((1000,))).compared[0]
    assert one.ratios["median"].low is None and one.ratios["median"].value == 1.3
    assert one.to_dict()["ratios"]["median"] == {"value": 1.3, "low": None, "high": None}


def test_a_result_with_one_run_twice_is_refused_since_one_of_them_would_be_left_out():
    twice = sample_result(sample_run(), sample_run(times(2e6, 1)))
    with pytest.raises(DataError, match="has two runs of single-stream, network only, batch 1, plates"):
        compare_results(twice, sample_result())


def test_what_failed_is_part_of_a_comparison_and_said_where_nothing_else_is_left():
    failure = Failure("offline", "network only", 16, 3, "out of memory")
    found = compare_results(sample_result(failures=(failure,)), sample_result())
    assert (found.failures, found.failures_first) == ((), (failure,))
    with pytest.raises(DataError, match=r"holds no run.*offline, network only, batch 16 failed after 3 calls \(out of"):
        compare_results(sample_result(), replace(sample_result(failures=(failure,)), runs=()))
