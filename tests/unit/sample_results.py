"""Results of ``edgelpr bench`` made by hand, for reports and tables."""

from __future__ import annotations

from typing import Any

from edgelpr.benchmarks.bench.figures import figures_of
from edgelpr.benchmarks.bench.result import BenchResult, Peaks
from edgelpr.benchmarks.bench.run import Accuracy, Crops, Model, Run, WarmUp

PEAKS = Peaks("CPU", 100e9, 400e9, 20e9, "made up")
MACHINE: dict[str, Any] = {
    "processor": "Some CPU",
    "cores": 2,
    "system": "Linux",
    "before": {"load": 0.1, "temperatures": {"x": 40}},
}


def make_run(
    scenario: str = "single-stream",
    scope: str = "network only",
    *,
    model: Model | None = None,
    milliseconds: float = 2.0,
    count: int = 100,
    plates: int = 1,
    **changes: Any,
) -> Run:
    """A run whose samples rise evenly from nine to eleven tenths of a time."""
    samples = tuple(round(milliseconds * 1e6 * (0.9 + 0.2 * number / max(count - 1, 1))) for number in range(count))
    values: dict[str, Any] = {
        "model": model or make_model(),
        "backend": "onnxruntime",
        "runtime": "onnxruntime 9.9, 1 thread",
        "device": "CPU",
        "precision": "fp32",
        "scenario": scenario,
        "scope": scope,
        "batch": 1,
        "threads": 1,
        "duration": "default",
        "crops": Crops("rendered, seed 0", 64, "c" * 64),
        "warm_up": WarmUp(20, 0.3, True),
        "samples_ns": samples,
        "plates": plates * count,
        "seconds": sum(samples) / 1e9,
        "summary": figures_of(samples, plates * count),
    }
    return Run(**(values | changes))


def make_model(name: str = "hpa-resnet18-cn, rewritten", architecture: str | None = "hpa-resnet18", **changes: Any) -> Model:
    """A network of 100 M multiply-adds and 4 MB."""
    values: dict[str, Any] = {
        "plate_format": "cn",
        "graph_sha256": "a" * 64,
        "multiply_adds": 100_000_000,
        "compulsory_bytes": 4_000_000,
    }
    return Model(name, architecture, **(values | changes))


def make_result(*runs: Run, **changes: Any) -> BenchResult:
    """A result with its peaks."""
    values: dict[str, Any] = {
        "edgelpr_version": "9.9.9",
        "when": "2030-01-01T00:00:00+00:00",
        "machine": MACHINE,
        "runs": runs or (make_run(),),
        "peaks": (PEAKS,),
    }
    return BenchResult(**(values | changes))


ACCURACY = Accuracy(200, 198, "d" * 64, from_card=False)
