"""After a build: whether int8 is worth its calibration on this device, held against the fp16 engine that is there as well."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from edgelpr.cli.output import note
from edgelpr.errors import EdgelprError
from edgelpr.types import Precision

if TYPE_CHECKING:
    from edgelpr.bundle.bundle import Bundle
    from edgelpr.bundle.graph import Graph
    from edgelpr.engines.storing import StoredEngine
    from edgelpr.engines.target import Target

SECONDS = 1.0
"""About how long each of the two is timed."""

WORTH = 1.05
"""How many times as fast int8 has to be at least: it loses more than fp16, and the clock cannot tell less for certain."""

_LEAST, _MOST, _BLOCKS, _TRIED, _GREY = 64, 4000, 4, 3, 128


def compare_precisions(bundle: Bundle, stored: StoredEngine, here: Target, device: int = 0) -> None:
    """Time int8 and fp16, network only, and say the ratio; it never fails a build.

    Nothing is timed where the other one is not there, does not take the same batch at once, or runs elsewhere (on a DLA).

    Args:
        bundle: with the engines.
        stored: that was built.
        here: this machine, which runs it.
        device: number of its GPU.
    """
    from edgelpr.engines.finding import find_engines

    record = stored.record
    if record.precision not in ("fp16", "int8"):
        return
    other: Precision = "fp16" if record.precision == "int8" else "int8"
    options = record.options
    try:  # one that takes that batch at once: in parts it would be slower for another reason
        held_against = find_engines(bundle, here, other, batch=options.batches[1], dla=options.dla_core)[0]
        engines = {record.precision: stored, other: held_against}
    except EdgelprError:  # none is there
        return
    if held_against.record.options.dla_core != options.dla_core:
        return
    try:
        times = _times(bundle, engines, device)
    except EdgelprError as error:
        note(f"{other} and {record.precision} were not compared: {error}")
        return
    ratio = times["fp16"] / times["int8"]
    found = (
        f"int8 is {ratio:.2f} times as fast as fp16 here (network only: {times['int8']:.3f} and {times['fp16']:.3f} ms a batch)"
    )
    loses = "; it loses more than fp16, so prefer fp16, or look at the audit for layers that are not in int8"
    note(found if ratio >= WORTH else f"Warning: {found}{loses}")


def _times(bundle: Bundle, engines: dict[Precision, StoredEngine], device: int) -> dict[Precision, float]:
    """Medians in milliseconds, of the usual batch of the engine that was built, one in turn with the other."""
    from edgelpr.benchmarks.timing import time_alternating
    from edgelpr.runtime.backends.registry import load_backend
    from edgelpr.runtime.executing.use import EngineUse

    count = next(iter(engines.values())).record.options.batches[1]
    calls: dict[str, Any] = {}
    with ExitStack() as stack:
        for precision, engine in engines.items():
            backend = engine.record.target.backend
            network = load_backend(backend, bundle, precision, None, EngineUse(device=device, batch=count, stored=engine))
            stack.callback(network.close)
            calls[precision] = partial(_run, network, _batch(bundle.graph(precision, backend), count))
        start = perf_counter()
        for _ in range(_TRIED):
            for call in calls.values():
                call(None)
        once = (perf_counter() - start) / _TRIED / len(calls)
        samples = int(min(max(SECONDS / once, _LEAST), _MOST))
        times = time_alternating(calls, {name: [None] for name in calls}, samples, -(-samples // _BLOCKS))
    return {precision: float(np.median(times[precision])) * 1e3 for precision in engines}


def _batch(graph: Graph, count: int) -> list[Any]:
    """Grey crops, or tracks of grey frames that are all there."""
    height, width = graph.height_width
    if graph.frames is None:
        return [np.full((count, height, width), _GREY, np.uint8)]
    return [np.full((count, graph.frames, height, width), _GREY, np.uint8), np.ones((count, graph.frames), np.uint8)]


def _run(network: Any, inputs: list[Any], _: None) -> None:
    network.run(*inputs)
