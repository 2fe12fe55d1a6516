"""What each process does of ``edgelpr reproduce`` in ``test_training_distributed.py``; ``two_processes.py`` calls it."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from edgelpr.benchmarks.experiments import running
from edgelpr.cli.main import run
from edgelpr.errors import DataError
from edgelpr.training.distributed import this_process


def reproduce(folder: Path) -> None:
    """A smoke run whose second test fails in the first process, then the same again: ``reproduce-RANK.json``."""
    evaluate, calls = running.evaluate, list[str]()

    def fails_once(reader: Any, crops: Any, *more: Any) -> Any:
        calls.append(str(crops[0].split))
        if len(calls) == 2:
            raise DataError("no more plates today")
        return evaluate(reader, crops, *more)

    running.evaluate = fails_once  # type: ignore[assignment]
    sittings = [_run(folder), _run(folder)]
    running.evaluate = evaluate
    told = {"sittings": sittings, "tests": len(calls)}
    (folder / f"reproduce-{this_process().rank}.json").write_text(json.dumps(told), encoding="utf-8")


def _run(folder: Path) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    fixed = ["reproduce", "aolp", "--data", str(folder / "aolp"), "-o", str(folder / "runs"), "--network", "hpa-nano"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([*fixed, "--quick", "1", "--workers", "0", "--threads", "1", "--json"])
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}
