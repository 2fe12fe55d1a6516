"""Results as files: one JSON a run, with what it was measured on in the name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.machine import describe_machine
from edgelpr.data.writing import write_file


def start_result(benchmark: str) -> dict[str, Any]:
    """What every result begins with: which benchmark, when, on what machine and with which versions."""
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"benchmark": benchmark, "when": when, "machine": describe_machine()}


def result_name(parts: Sequence[str]) -> str:
    """A file name of parts, each kept to letters, digits, dots, plus signs and dashes."""
    return "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", part).strip("-") for part in parts) + ".json"


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    write_file(path, (json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode("utf-8"))
