"""What a Jetson board draws, as its tool ``tegrastats`` prints it, where the sensors themselves cannot be read."""

from __future__ import annotations

import re
import shutil
import subprocess
from threading import Event, Thread

from edgelpr.benchmarks.bench.rails import watts_of

_RAIL = re.compile(r"\b([A-Z][A-Z0-9_]*) (\d{1,6})(mW)?/\d{1,6}(?:mW)?(?=\s|$)")
_TOOL = "tegrastats"
_MILLISECONDS = 100
_FIRST_LINE = 5.0


def parse_watts(line: str) -> float | None:
    """Watts of the whole board in a line: its input rail where it is there, else all rails together; None without rails.

    A rail reads ``VDD_IN 5021mW/5013mW``, now and on average; until JetPack 4 without the unit. ``RAM 2048/7771MB`` is none.
    """
    rails = {name: int(now) / 1e3 for name, now, _ in _RAIL.findall(line) if name.startswith(("V", "POM", "GPU", "CPU", "SOC"))}
    return watts_of(rails)


class Tegrastats:
    """The tool running beside us; it shows what the board draws ten times a second.

    Args:
        command: what is run.
    """

    def __init__(self, command: tuple[str, ...] = (_TOOL, "--interval", str(_MILLISECONDS))) -> None:
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._watts: float | None = None
        self._begun = Event()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def watts(self) -> float | None:
        """The last that it said; None before its first line, and once it has ended by itself."""
        return self._watts

    def await_first(self, seconds: float = _FIRST_LINE) -> None:
        """Wait until it has said something, or ended: starting takes it a while, in which it tells of no watts.

        Args:
            seconds: after which it is given up.
        """
        self._begun.wait(seconds)

    def close(self) -> None:
        """End it; calling this again does nothing."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _follow(self) -> None:
        for line in self._process.stdout or ():
            watts = parse_watts(line)
            if watts is not None:
                self._watts = watts
                self._begun.set()
        self._watts = None  # what it said last holds no longer
        self._begun.set()


def has_tegrastats() -> bool:
    """Whether the tool is there."""
    return shutil.which(_TOOL) is not None
