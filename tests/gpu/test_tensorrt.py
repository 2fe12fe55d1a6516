"""Engines on a real GPU: hpa-nano, built here in every precision, reads the shipped captures as the processor does.

Needs a driver that answers, TensorRT or TensorRT-RTX, and PyTorch to export the weights; skips with the reason elsewhere.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgelpr.cli.main import run
from edgelpr.cuda.opening import open_device
from edgelpr.data.labels import read_labels
from edgelpr.engines.modules import installed_backends
from edgelpr.errors import EngineError
from edgelpr.runtime.recognizer import Recognizer

pytestmark = pytest.mark.gpu

REPOSITORY = Path(__file__).resolve().parents[2]
CAPTURES = REPOSITORY / "weights" / "captures"
WRONG = {"fp32": 0, "fp16": 0, "int8": 1}
"""Plates of the 24 that may read otherwise than in fp32 on the processor: int8 rounds."""


@pytest.fixture(scope="module")
def bundle(backend, tmp_path_factory) -> Path:
    """``hpa-nano-cn`` in every precision, with the ranges that are shipped."""
    pytest.importorskip("torch", reason="exporting the shipped weights needs the extra 'export'")
    path = tmp_path_factory.mktemp("gpu") / "nano.elpr"
    assert run(["export", "hpa-nano-cn", "-o", str(path), "--images", str(CAPTURES / "images")]) == 0
    record = REPOSITORY / "calibration" / "hpa-nano-cn.json"
    assert run(["calibrate", str(path), "--reuse", str(record)]) == 0
    return path


@pytest.fixture(scope="module")
def crops() -> list[Path]:
    return [crop.path for crop in read_labels(CAPTURES / "labels.csv")]


@pytest.fixture(scope="module")
def expected(bundle, crops) -> list[str]:
    """What ONNX Runtime reads on the processor in fp32."""
    with Recognizer.open(bundle, threads=1) as recognizer:
        return [reading.plate for reading in recognizer.read(crops)]


def opened(bundle: Path, backend: str, precision: str = "fp32", **options) -> Recognizer:
    return Recognizer.open(bundle, backend, precision, allow_unapproved=True, build=True, **options)


@pytest.mark.parametrize("precision", WRONG)
def test_it_reads_what_the_processor_reads(bundle, backend, crops, expected, precision):
    with opened(bundle, backend, precision) as recognizer:
        one_by_one = [recognizer.read(crop).plate for crop in crops]
        together = [reading.plate for reading in recognizer.read(crops * 3)]
    assert sum(one != wanted for one, wanted in zip(one_by_one, expected, strict=True)) <= WRONG[precision]
    assert sum(one != wanted for one, wanted in zip(together, expected * 3, strict=True)) <= 3 * WRONG[precision]


def test_an_engine_is_found_again_and_auto_takes_it(bundle, backend, crops, expected):
    opened(bundle, backend).close()
    with Recognizer.open(bundle, backend) as recognizer:
        assert recognizer.read(crops[0]).plate == expected[0]
    with Recognizer.open(bundle, "auto") as recognizer:
        assert recognizer.backend in installed_backends()
        assert recognizer.read(crops[0]).plate == expected[0]


def test_threads_share_one_engine(bundle, backend, crops, expected):
    with opened(bundle, backend, batch_size=4) as recognizer, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: [reading.plate for reading in recognizer.read(crops)], range(8)))
    assert results == [expected] * 8


def test_a_damaged_plan_is_an_error_and_not_a_crash(bundle, backend, crops):
    opened(bundle, backend).close()
    for plan in (bundle / "engines").glob("*.plan"):
        plan.write_bytes(plan.read_bytes()[:-1])
    with pytest.raises(EngineError, match="is damaged"):
        Recognizer.open(bundle, backend)
    for file in (bundle / "engines").glob("fp32-*"):
        file.unlink()


def test_memory_is_given_back(bundle, backend, crops):
    opened(bundle, backend).close()
    device = open_device()
    try:
        before = device.memory()[0]
        for _ in range(5):
            with opened(bundle, backend, batch_size=4) as recognizer:
                recognizer.read(crops)
        device.activate()
        assert before - device.memory()[0] < 64 << 20
    finally:
        device.close()
