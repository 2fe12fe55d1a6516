"""Timing and its summary: right figures, and none that the samples do not support."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest

from edgelpr.benchmarks.machine import describe_machine
from edgelpr.benchmarks.summary import summarize
from edgelpr.benchmarks.timing import time_alternating


def test_percentiles_appear_only_with_enough_samples() -> None:
    few, some, many = (summarize(np.linspace(1e-3, 2e-3, count)) for count in (63, 64, 662))
    assert few.p90 is None and some.p90 is not None and some.p99 is None and many.p99 is not None
    assert many.p50 == pytest.approx(1.5) and many.p90 == pytest.approx(1.9) and many.samples == 662
    assert not many.steady and summarize(np.full(100, 1e-3)).steady


def test_things_compared_take_turns_and_inputs_rotate() -> None:
    seen: list[tuple[str, int]] = []
    calls = {name: (lambda item, name=name: seen.append((name, item))) for name in ("one", "two")}
    times = time_alternating(calls, {"one": [1, 2, 3], "two": [4]}, count=5, block=2, settle=0)
    assert all(len(taken) == 5 and (taken >= 0).all() for taken in times.values())
    turns = [name for name, _ in groupby(name for name, _ in seen)]
    assert turns == ["one", "two"] * 3
    assert {item for name, item in seen if name == "one"} == {1, 2, 3}


def test_a_result_names_its_machine() -> None:
    found = describe_machine()
    assert found["processor"] and found["cores"] and "onnxruntime" in found["versions"]


def test_the_network_of_lprnets_size_has_that_size() -> None:
    pytest.importorskip("torch", reason="building the network needs the extra 'export'")
    import torch

    from edgelpr.benchmarks.lprnet import CLASSES, INPUT, LprNet

    network = LprNet().eval()
    assert 0.35e6 < sum(parameter.numel() for parameter in network.parameters()) < 0.5e6
    assert network(torch.zeros(2, *INPUT)).shape == (2, CLASSES, 18)
