"""fp16 by PyTorch in CUDA graphs on a real GPU: it reads what fp32 reads on the processor, and says what it takes.

Needs a PyTorch that was built for CUDA and sees a GPU; skips with the reason elsewhere.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edgelpr.cli.main import run
from edgelpr.data.labels import read_labels
from edgelpr.errors import DeviceError
from edgelpr.runtime.backends.torch.graph_runner import check_cuda
from edgelpr.runtime.recognizer import Recognizer

pytestmark = pytest.mark.gpu

REPOSITORY = Path(__file__).resolve().parents[2]
CAPTURES = REPOSITORY / "weights" / "captures"
OPEN = {"backend": "torch", "precision": "fp16", "allow_unapproved": True}


@pytest.fixture(scope="module", autouse=True)
def cuda() -> None:
    """Skips where PyTorch has no GPU."""
    torch = pytest.importorskip("torch", reason="needs the extra 'export'")
    try:
        check_cuda(torch)
    except DeviceError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """hpa-nano-cn with its weights."""
    path = tmp_path_factory.mktemp("torch") / "nano.elpr"
    assert run(["export", "hpa-nano-cn", "-o", str(path), "--with-weights"]) == 0
    return path


@pytest.fixture(scope="module")
def crops():
    """The shipped captures."""
    return [crop.load() for crop in read_labels(CAPTURES / "labels.csv")]


@pytest.mark.parametrize("batch_size", [1, 5, 16])
def test_it_reads_what_fp32_reads(bundle, crops, batch_size):
    with Recognizer.open(bundle) as reference:
        expected = reference.read(crops)
    with Recognizer.open(bundle, batch_size=batch_size, **OPEN) as recognizer:
        assert "CUDA graphs" in recognizer.description
        recognizer.warmup()
        for _ in range(3):  # the same graphs again, other crops in between
            found = recognizer.read(crops)
            assert [reading.plate for reading in found] == [reading.plate for reading in expected]
            np.testing.assert_allclose([r.confidence for r in found], [r.confidence for r in expected], atol=0.02)


def test_threads_read_at_once(bundle, crops):
    with Recognizer.open(bundle, **OPEN) as recognizer, ThreadPoolExecutor(4) as pool:
        expected = [recognizer.read(crop).plate for crop in crops]
        assert list(pool.map(lambda crop: recognizer.read(crop).plate, crops)) == expected


def test_capturing_while_another_thread_allocates(bundle, crops):
    import torch

    def allocate(number: int) -> float:
        return float(torch.ones(1 << 20, device="cuda").sum() + number)

    with Recognizer.open(bundle, **OPEN) as recognizer, ThreadPoolExecutor(2) as pool:
        sums = pool.map(allocate, range(50))
        assert len(recognizer.read(crops)) == len(crops)
        assert len(list(sums)) == 50


def test_bench_times_it_by_events(bundle, tmp_path):
    from edgelpr.benchmarks.bench.files import read_bench_result

    output = tmp_path / "result.json"
    options = ["--backend", "torch", "--precision", "fp16", "--quick", "--scope", "network", "-o", str(output)]
    assert run(["bench", str(bundle), *options]) == 0
    for each in read_bench_result(output).runs:
        assert each.gpu_ms is not None and 0 < each.gpu_ms["compute"] < 1000 and each.threads is None


def test_nothing_stays_on_the_gpu(bundle):
    import torch

    def held() -> int:
        torch.cuda.empty_cache()
        return int(torch.cuda.memory_allocated())

    with Recognizer.open(bundle, **OPEN) as recognizer:
        recognizer.warmup()
    before = held()
    for _ in range(3):
        with Recognizer.open(bundle, **OPEN) as recognizer:
            recognizer.warmup()
    assert held() <= before + (1 << 20)
