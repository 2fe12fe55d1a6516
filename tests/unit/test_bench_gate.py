"""The gate of comparisons: it closes where it must, never by the luck of few samples, and says why."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sample_bench import sample_result, sample_run

from edgelpr.benchmarks.bench.comparing import compare_results
from edgelpr.benchmarks.bench.files import write_bench_result
from edgelpr.benchmarks.bench.gate import gate_reasons
from edgelpr.benchmarks.bench.ranks import rank_ratio
from edgelpr.benchmarks.bench.result import Failure
from edgelpr.cli.main import run

FAILURE = Failure("offline", "network only", 16, 3, "out of memory")


def times(middle: float, rng: np.random.Generator, count: int) -> tuple[int, ...]:
    return tuple(int(value) for value in middle * np.exp(rng.normal(0, 0.1, count)))


def alike(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    """Neighbours with a correlation of 0.5."""
    steps, found = rng.normal(0, 0.1 * 0.75**0.5, count + 20), [0.0]
    for step in steps:
        found.append(0.5 * found[-1] + step)
    return tuple(int(1e6 * np.exp(value)) for value in found[-count:])


def reasons(first, second, least=0.9):
    return gate_reasons([compare_results(first, second)], least)[0]


def kept(tmp_path, name, *runs, **changes):
    write_bench_result(tmp_path / name, sample_result(*runs, **changes))
    return str(tmp_path / name)


def test_slower_is_what_lies_wholly_below():
    rng = np.random.default_rng(0)
    first, second = (sample_result(sample_run(times(middle, rng, 400))) for middle in (1e6, 1.2e6))
    found = reasons(first, second)
    assert [line.split(": ")[1].split(" is ")[0] for line in found] == ["median", "p90", "throughput"]
    assert "single-stream, network only, batch 1, plates: median is slower than 0.9 times (0.8" in found[0]
    assert reasons(first, second, 0.5) == ()
    ratio = compare_results(first, second).compared[0].ratios["median"]
    assert not any("median" in line for line in reasons(first, second, (ratio.low + ratio.high) / 2))


def test_a_run_that_is_missing_and_one_that_failed_do_not_pass(tmp_path, capsys):
    first = kept(tmp_path, "a.json", sample_run(), sample_run(scenario="offline", batch=16))
    second = kept(tmp_path, "b.json", sample_run(), failures=(FAILURE,))
    assert run(["bench", "compare", first, second, "--fail-below", "0.9"]) == 1
    printed = capsys.readouterr().err
    assert f"{second}: offline, network only, batch 16, plates: is missing; the first result has it" in printed
    assert f"{second}: offline, network only, batch 16 failed after 3 calls (out of memory)" in printed
    assert run(["bench", "compare", first, second]) == 0
    assert f"Warning: in {second}, offline, network only, batch 16 failed" in capsys.readouterr().err
    assert run(["bench", "compare", second, first, "--fail-below", "0.9"]) == 0  # more than there was, and nothing failed


def test_a_failure_alone_does_not_pass():
    assert reasons(sample_result(), sample_result(failures=(FAILURE,))) == (str(FAILURE),)


def test_json_tells_what_is_missing_what_failed_and_why_the_gate_closed(tmp_path, capsys):
    first = kept(tmp_path, "a.json", sample_run(), sample_run(scenario="offline", batch=16))
    second = kept(tmp_path, "b.json", sample_run(), sample_run(scenario="paper"), failures=(FAILURE,))
    assert run(["bench", "compare", first, second, "--fail-below", "0.9", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["only_first"] == ["offline, network only, batch 16, plates"]
    assert found["only_second"] == ["paper, network only, batch 1, plates"]
    assert [each["error"] for each in found["failures"]] == ["out of memory"]
    assert found["failures_first"] == [] and len(found["gate"]) == 2
    assert run(["bench", "compare", first, second, "--json"]) == 0
    assert "gate" not in json.loads(capsys.readouterr().out)[0]


@pytest.mark.parametrize("samples", [(1000,), (1300, 1300, 1300)])
def test_samples_too_few_to_tell_close_the_gate_whatever_they_are(samples, tmp_path, capsys):
    first, second = kept(tmp_path, "a.json", sample_run((1000,) * len(samples))), kept(tmp_path, "b.json", sample_run(samples))
    assert run(["bench", "compare", first, second, "--fail-below", "0.9"]) == 1
    printed = capsys.readouterr()
    assert f"{len(samples)} samples against {len(samples)} are too few to tell; measure both longer" in printed.err
    assert "too few samples" in printed.out and "slower" not in printed.err


def test_six_samples_are_enough_to_pass_and_to_fail_and_five_for_few_figures():
    def found(count, factor, runs):
        sides = [
            [sample_run(tuple(start + each for each in range(count)), batch=number) for number in range(1, runs + 1)]
            for start in (1000, factor * 1000)
        ]
        return reasons(sample_result(*sides[0]), sample_result(*sides[1]))

    assert found(6, 1, 20) == () and len(found(6, 2, 20)) == 20
    assert found(5, 1, 6) == () and len(found(5, 2, 6)) == 6
    assert "too few" in found(5, 1, 7)[0]


@pytest.mark.parametrize(("count", "most"), [(5, 0.05), (10, 0.05), (40, 0.06)])
def test_intervals_by_ranks_of_few_samples_hold_the_truth_as_often_as_they_say(count, most):
    rng = np.random.default_rng(1)
    ratios = [rank_ratio(times(1e6, rng, count), times(1e6, rng, count)) for _ in range(400)]
    assert sum(not ratio.low <= 1 <= ratio.high for ratio in ratios) <= most * 400


def test_neighbours_that_are_alike_widen_intervals_by_ranks():
    rng = np.random.default_rng(2)
    ratios = [rank_ratio(alike(rng, 20), alike(rng, 20)) for _ in range(300)]
    assert sum(not ratio.low <= 1 <= ratio.high for ratio in ratios) <= 0.13 * 300  # 0.24 without


def test_the_whole_gate_fails_by_chance_about_as_often_as_it_says():
    rng, closed = np.random.default_rng(3), 0
    for _ in range(60):
        sides = [[sample_run(times(middle, rng, 10), batch=number) for number in range(1, 13)] for middle in (0.9e6, 1e6)]
        closed += bool(reasons(sample_result(*sides[0]), sample_result(*sides[1])))
    assert closed <= 4  # 2.5 % are meant; each of the twelve at 2.5 % would close it about 15 times


def test_the_chance_is_shared_among_all_results():
    rng = np.random.default_rng(4)
    first, second = (sample_result(sample_run(times(middle, rng, 400))) for middle in (1e6, 1e6))
    compared = compare_results(first, second)
    least = 1.001 * compared.compared[0].ratios["throughput"].at_most(0.025 / 3)  # it has three figures
    assert any("throughput" in line for line in gate_reasons([compared], least)[0])
    assert not any("throughput" in line for line in gate_reasons([compared] * 40, least)[0])
