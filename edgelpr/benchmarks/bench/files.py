"""Results on the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from edgelpr.benchmarks.bench.agreeing import check_figures
from edgelpr.benchmarks.bench.result import BenchResult
from edgelpr.data.writing import write_file
from edgelpr.errors import DataError


def write_bench_result(path: Path, result: BenchResult) -> None:
    """Write a result whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    write_file(path, (json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8"))


def read_bench_result(path: Path) -> BenchResult:
    """Read a result and check it.

    Raises:
        DataError: absent, not JSON (perhaps cut short), of a newer schema, not a result, or with figures that are not those of
            its samples.
    """
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); expected a file of 'edgelpr bench -o'") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not valid JSON, perhaps cut short ({error}); copy it again, or measure again") from error
    result = BenchResult.from_dict(values, str(path))
    check_figures(result, str(path))
    return result


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
