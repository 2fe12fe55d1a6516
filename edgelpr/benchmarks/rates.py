"""The peak of this processor, measured: a matrix product and a read of memory larger than its caches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from edgelpr.benchmarks.roofline import Rates
from edgelpr.errors import require

_SIDES = (512, 1024)
"""Of the square matrices; libraries differ in which they do best."""

_FLOATS = 64 << 20
"""Values read, 256 MB: more than the caches hold that a virtual machine may use."""

_REPEATS = 5
_NANO = 1e9


@dataclass(frozen=True)
class Probe:
    """How much is measured."""

    sides: tuple[int, ...] = _SIDES
    """Of the square matrices."""

    floats: int = _FLOATS
    """32-bit values that are read in one go."""

    repeats: int = _REPEATS
    """The best of so many is the peak."""


@dataclass(frozen=True)
class MeasuredRates:
    """What the processor reached in small tests."""

    fp32: Rates
    """The best of two libraries' fp32 matrix products, and the memory."""

    int8_operations: float | None
    """Operations a second of a matrix product of unsigned by signed bytes; None where ONNX Runtime was not asked."""


def measure_rates(threads: int, probe: Probe = Probe(), clock: Callable[[], int] = perf_counter_ns) -> MeasuredRates:
    """Measure in about three seconds; run it where nothing else runs.

    Args:
        threads: of the processor, as many as the networks use.
        probe: how much is measured.
        clock: nanoseconds that only ever grow.

    Raises:
        MissingDependencyError: torch or onnx is not installed.
    """
    flops = max(_torch_product(side, threads, probe, clock) for side in probe.sides)
    flops = max(flops, *(_session_product("MatMul", side, threads, probe, clock) for side in probe.sides))
    small = max(_session_product("MatMulInteger", side, threads, probe, clock) for side in probe.sides)
    source = (
        f"measured, {threads} thread{'s' if threads > 1 else ''}: fp32 matrix products of "
        f"{' and '.join(map(str, probe.sides))} by torch and ONNX Runtime, a read of {probe.floats * 4 / 1e6:.0f} MB; best of "
        f"{probe.repeats}"
    )
    return MeasuredRates(Rates(flops, _reading(threads, probe, clock), source), small)


def _torch_product(side: int, threads: int, probe: Probe, clock: Callable[[], int]) -> float:
    torch = require("torch", "export", "measuring the peak of the processor")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        a, b = (torch.rand(side, side) for _ in range(2))
        return 2 * side**3 / _best(lambda: torch.mm(a, b), probe, clock)
    finally:
        torch.set_num_threads(before)


def _session_product(operator: str, side: int, threads: int, probe: Probe, clock: Callable[[], int]) -> float:
    onnx = require("onnx", "export", "measuring the peak of the processor")
    runtime = require("onnxruntime", "export", "measuring the peak of the processor")
    from edgelpr.export.running import start_session

    types = onnx.TensorProto
    whole = operator == "MatMulInteger"
    left, out = (types.UINT8, types.INT32) if whole else (types.FLOAT, types.FLOAT)
    numbers = np.random.default_rng(0).integers(0, 64, (2, side, side))
    weights = onnx.numpy_helper.from_array(numbers[1].astype(np.int8 if whole else np.float32), "b")
    info = onnx.helper.make_tensor_value_info
    sides = [side, side]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(operator, ["a", "b"], ["c"])],
        "peak",
        [info("a", left, sides)],
        [info("c", out, sides)],
        [weights],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    session = start_session(runtime, onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), threads)
    feed = {"a": numbers[0].astype(np.uint8 if whole else np.float32)}
    return 2 * side**3 / _best(lambda: session.run(None, feed), probe, clock)


def _reading(threads: int, probe: Probe, clock: Callable[[], int]) -> float:
    """Bytes a second of dot products, each thread through its own part: it reads and does not write, as weights are used."""
    values = np.ones(probe.floats, dtype=np.float32)
    parts = np.array_split(values, threads)
    with ThreadPoolExecutor(threads) as pool:
        return values.nbytes / _best(lambda: list(pool.map(_read, parts)), probe, clock)


def _read(part: NDArray[np.float32]) -> float:
    return float(np.dot(part, part))


def _best(call: Callable[[], object], probe: Probe, clock: Callable[[], int]) -> float:
    """Seconds of the fastest call, after one without the clock."""
    call()
    least = None
    for _ in range(probe.repeats):
        start = clock()
        call()
        taken = clock() - start
        least = taken if least is None else min(least, taken)
    return max(least or 0, 1) / _NANO
