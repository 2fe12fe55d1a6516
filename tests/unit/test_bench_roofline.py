"""Rooflines: bounds that hold, fits that find what was put in, and boards as data."""

from __future__ import annotations

import json
from itertools import count

import pytest

from edgelpr.benchmarks.boards import find_board, load_boards, match_board
from edgelpr.benchmarks.roofline import Layer, Measured, Rates, Work, bound_seconds, fit, layered_seconds
from edgelpr.errors import DataError, UsageError

RATES = Rates(100e9, 10e9, "made up")


def work(operations: int, traffic: int, kernels: int = 2, compulsory: int = 0) -> Work:
    return Work(tuple(Layer(f"layer {number}", operations, traffic) for number in range(kernels)), compulsory)


def test_a_bound_is_the_slower_of_arithmetic_and_memory() -> None:
    assert bound_seconds(work(50_000_000, 0), RATES) == pytest.approx(1e-3)
    assert bound_seconds(work(50_000_000, 0, compulsory=20_000_000), RATES) == pytest.approx(2e-3)


def test_layer_by_layer_is_never_faster_than_the_bound() -> None:
    mixed = Work((Layer("arithmetic", 100_000_000, 1000), Layer("memory", 1000, 10_000_000)), 10_000_000)
    assert layered_seconds(mixed, RATES) == pytest.approx(2e-3)
    assert bound_seconds(mixed, RATES) == pytest.approx(1e-3, rel=1e-3)


def test_smaller_numbers_move_less_and_compute_the_same() -> None:
    small = work(100, 4000, compulsory=8000).scaled(0.25)
    assert (small.operations, small.bytes, small.compulsory_bytes) == (200, 2000, 2000)


def test_a_fit_finds_what_was_put_in() -> None:
    works = [work(10_000_000 * number, 0, kernels) for number, kernels in ((1, 20), (3, 40), (5, 90), (9, 60), (2, 120))]
    measured = [Measured(str(each), each, 1.5 * layered_seconds(each, RATES) + 7e-6 * len(each.layers)) for each in works]
    found = fit(measured, RATES, "this machine")
    assert found is not None and found.slowness == pytest.approx(1.5) and found.launch_seconds == pytest.approx(7e-6)
    assert found.largest_error == pytest.approx(0, abs=1e-9)
    faster = Rates(200e9, 20e9, "twice")
    assert found.seconds(works[0], faster) == pytest.approx(0.75 * layered_seconds(works[0], RATES) + 20 * 7e-6)
    assert found.seconds(works[0], faster, 0.0) == pytest.approx(0.75 * layered_seconds(works[0], RATES))


def test_the_error_of_a_fit_is_on_what_it_did_not_see() -> None:
    works = [work(10_000_000 * number, 0, 10) for number in (1, 2, 3, 4)]
    times = [layered_seconds(each, RATES) for each in works]
    times[3] *= 2
    found = fit([Measured("", each, taken) for each, taken in zip(works, times)], RATES, "")
    assert found is not None and found.errors is not None
    assert found.errors[3] == pytest.approx(-0.5, abs=1e-6)


def test_neither_number_goes_below_nothing() -> None:
    works = [work(10_000_000 * number, 0, 100 // number) for number in (1, 2, 5)]
    found = fit([Measured("", each, layered_seconds(each, RATES) * 0.9) for each in works], RATES, "")
    assert found is not None and found.launch_seconds >= 0 and found.slowness >= 0


def test_too_few_measurements_give_no_error_and_no_fit() -> None:
    one = Measured("", work(10_000_000, 0), 1e-3)
    assert fit([one], RATES, "") is None
    found = fit([one, one, one], RATES, "")
    assert found is not None and found.errors is None and found.largest_error is None


def test_rates_are_above_nothing() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Rates(0, 1e9, "")


def test_every_board_says_where_its_figures_come_from() -> None:
    boards = load_boards()
    assert {"orin-nano", "agx-orin", "gtx-1080-ti"} <= boards.keys()
    assert all(board.source and board.title for board in boards.values())
    assert boards["orin-nano"].rates.flops == pytest.approx(1.28e12)


def test_a_peak_follows_from_the_cores_and_clock_of_its_source() -> None:
    for board in load_boards().values():
        words = board.source.split("FP32 = ")[1].split()
        cores, clock = float(words[0]), float(words[3])
        assert 2 * cores * clock / 1e3 == pytest.approx(board.fp32_tflops, rel=0.01), board.name


def test_an_unknown_board_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'nano' is unknown; choose one of xavier-nx, .*gtx-1080-ti"):
        find_board("nano")


def test_a_device_is_matched_only_where_it_is_certain() -> None:
    assert (found := match_board(["NVIDIA GeForce GTX 1080 Ti"])) is not None and found.name == "gtx-1080-ti"
    assert match_board(["AMD EPYC"]) is None
    # The same module in two power modes: its name does not say which.
    assert match_board(["NVIDIA Jetson Orin Nano Developer Kit Super"]) is None


@pytest.mark.parametrize("content", ["", "{", '{"boards": [{"name": "x"}]}', '{"boards": 3}'])
def test_a_broken_table_of_boards_is_refused(tmp_path, content) -> None:
    path = tmp_path / "boards.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"boards\.json: expected 'boards'"):
        load_boards(path)


def test_a_rate_of_nothing_is_refused(tmp_path) -> None:
    content = {"boards": [{**_plain("orin-nano"), "gigabytes_per_second": 0}]}
    path = tmp_path / "boards.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match="above 0"):
        load_boards(path)


def test_the_peak_of_this_processor_is_measured_with_a_clock() -> None:
    pytest.importorskip("torch", reason="measuring the peak needs the extra 'export'")
    from edgelpr.benchmarks.rates import Probe, measure_rates

    ticks = count(step=1000)
    rates = measure_rates(1, Probe(sides=(8,), floats=1000, repeats=2), clock=lambda: next(ticks))
    assert rates.fp32.flops == pytest.approx(2 * 8**3 / 1e-6) and rates.int8_operations == pytest.approx(2 * 8**3 / 1e-6)
    assert rates.fp32.bytes_per_second == pytest.approx(4000 / 1e-6) and "1 thread:" in rates.fp32.source


def test_work_is_counted_as_the_network_runs() -> None:
    torch = pytest.importorskip("torch", reason="counting work needs the extra 'export'")
    from edgelpr.benchmarks.work import count_work

    network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, bias=False), torch.nn.ReLU(), torch.nn.Flatten())
    unused = torch.nn.Linear(1000, 1000)
    network.register_module("unused", unused)
    network.forward = lambda x: network[2](network[1](network[0](x)))
    counted = count_work(network.eval(), (torch.zeros(2, 1, 5, 5),))
    assert [layer.name.split(".")[1] for layer in counted.layers] == ["convolution", "relu"]
    assert counted.operations == 2 * (2 * 4 * 3 * 3) * 9
    assert counted.compulsory_bytes == 4 * (4 * 9 + 2 * 25 + 2 * 4 * 9)


def test_the_work_of_a_network_agrees_with_its_multiply_adds() -> None:
    torch = pytest.importorskip("torch", reason="counting work needs the extra 'export'")
    from edgelpr.benchmarks.work import count_work
    from edgelpr.models.counting import count_multiply_adds
    from edgelpr.models.hpa import create
    from edgelpr.plates.loading import load_plate_format

    network = create("hpa-nano", load_plate_format("aolp")).eval()
    counted = count_work(network, (torch.zeros(1, 3, 50, 160),))
    # What the classifier and the maps multiply with each other is no layer, and is counted here alone.
    assert 1.0 <= counted.operations / (2 * count_multiply_adds(network)) < 1.01


def _plain(name: str) -> dict[str, object]:
    board = find_board(name)
    return {**vars(board), "matches": list(board.matches)}
