"""A fresh process that opens a bundle and reads one crop, or one track; prints the times as JSON, and whether it had to wait.

Started as ``python -m edgelpr.benchmarks.bench.cold_child ARGUMENTS``, ARGUMENTS being one JSON object.
"""

from __future__ import annotations

import time

_START = time.perf_counter_ns()  # before anything of ours, numpy or an engine is imported

import json  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402


def main(arguments: str) -> int:
    """Measure; 1 and one line on stderr where the bundle cannot be read with."""
    from edgelpr.errors import EdgelprError

    values: dict[str, Any] = json.loads(arguments)
    try:
        print(json.dumps(_times(values)))  # noqa: T201 - the parent reads it
    except EdgelprError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the parent reads it
        return 1
    return 0


def _times(values: dict[str, Any]) -> dict[str, int]:
    import numpy as np

    with np.load(values.pop("plate")) as arrays:
        frames = [arrays[name] for name in arrays.files]
    tracks = values.pop("tracks")
    opening: Any
    if tracks:
        from edgelpr.runtime.tracks.recognizer import TrackRecognizer

        opening = TrackRecognizer.open
    else:
        from edgelpr.runtime.recognizer import Recognizer

        opening = Recognizer.open
    imported = time.perf_counter_ns()
    with opening(allow_unapproved=True, **values) as recognizer:
        opened = time.perf_counter_ns()
        recognizer.read(frames if tracks else frames[0])
        read = time.perf_counter_ns()
        scheduled = _scheduled()  # while the engine's threads live
    return {"importing": imported - _START, "opening": opened - imported, "first_reading": read - opened, **scheduled}


def _scheduled() -> dict[str, int]:
    """Nanoseconds that this process ran and waited for a processor; empty where the kernel does not tell."""
    from edgelpr.benchmarks.bench.disturbances import own_threads
    from edgelpr.devices.machine import ROOT

    threads = (own_threads(ROOT) or {}).values()
    found = {"ran": sum(each.ran for each in threads), "waited": sum(each.waited for each in threads)}
    return {name: round(seconds * 1e9) for name, seconds in found.items()} if threads else {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
