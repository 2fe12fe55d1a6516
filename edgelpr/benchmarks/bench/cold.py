"""The cold start: from an empty process to the first text, each sample in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edgelpr.benchmarks.bench.disturbances import Scheduled
from edgelpr.benchmarks.bench.sampling import Progress, Taken
from edgelpr.errors import BackendError, EdgelprError

Start = Callable[[Mapping[str, Any]], Mapping[str, int]]
"""Starts a process that opens and reads; nanoseconds a part, and what it ``ran`` and ``waited`` where the kernel tells."""

_PARTS = ("importing", "opening", "first_reading")
_CHILD = "edgelpr.benchmarks.bench.cold_child"


@dataclass
class ColdTaken(Taken):
    """Cold starts; a sample is the sum of its parts."""

    parts: list[Mapping[str, int]] = field(default_factory=list)
    """Nanoseconds of ``importing``, ``opening`` and ``first_reading``, one a process."""

    children: list[Scheduled] = field(default_factory=list)
    """How the processes fared; empty where the kernel does not tell."""

    def parts_ms(self) -> dict[str, float]:
        """Medians in milliseconds."""
        return {name: round(median(part[name] for part in self.parts) / 1e6, 3) for name in _PARTS}

    def keep(self, told: Mapping[str, int]) -> None:
        """One sample.

        Args:
            told: by the process, as ``Start`` has it.
        """
        self.parts.append({name: told[name] for name in _PARTS})
        self.samples.append(sum(self.parts[-1].values()))
        if "ran" in told:
            self.children.append(Scheduled(told["ran"] / 1e9, told["waited"] / 1e9))


def take_cold_starts(
    arguments: Mapping[str, Any],
    crops: Sequence[Any],
    count: int,
    progress: Progress | None = None,
    start: Start | None = None,
) -> ColdTaken:
    """Start processes one after the other. One that comes first is not kept: it brings the files into memory for the others.

    Python's own start is not part of a sample: a camera's program is there before it reads. Importing is.

    Args:
        arguments: of ``Recognizer.open``, or of ``TrackRecognizer.open``, plain values.
        crops: one item a plate, the first of which is read: a crop, or a tuple of frames.
        count: samples.
        progress: told after each.
        start: stands in for the process.
    """
    taken = ColdTaken()
    start = start or _start
    try:
        with TemporaryDirectory(prefix="edgelpr-cold-") as folder:
            plate = Path(folder) / "plate.npz"
            tracks = isinstance(crops[0], tuple)
            np.savez(plate, *(crops[0] if tracks else crops[:1]))
            values = {**arguments, "plate": str(plate), "tracks": tracks}
            start(values)
            for number in range(1, count + 1):
                taken.keep(start(values))
                taken.seconds = sum(taken.samples) / 1e9
                if progress is not None:
                    progress(number / count)
    except KeyboardInterrupt:
        taken.interrupted = True
    except EdgelprError as error:
        taken.error = error
    return taken


def _start(values: Mapping[str, Any]) -> Mapping[str, int]:
    command = [sys.executable, "-m", _CHILD, json.dumps(values)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise BackendError(f"a fresh process could not read with the bundle: {reason}")
    parts: dict[str, int] = json.loads(done.stdout)
    return parts
