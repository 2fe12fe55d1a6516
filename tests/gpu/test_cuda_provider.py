"""ONNX Runtime's CUDA provider reads what the CPU reads."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest

from edgelpr.runtime.recognizer import Recognizer

pytestmark = pytest.mark.gpu


def missing() -> str | None:
    """Why there is no CUDA to test; None where the driver answers and ONNX Runtime was built for it."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        code = ctypes.CDLL(name).cuInit(0)
    except OSError:
        return f"no NVIDIA driver: {name} is not installed"
    if code != 0:
        return f"the NVIDIA driver does not answer (cuInit returned {code})"
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "the installed ONNX Runtime has no CUDA provider; install onnxruntime-gpu in its place"
    return None


@pytest.fixture(scope="module", autouse=True)
def cuda() -> None:
    """Skips where there is no CUDA; a provider that is there and does not start is a failure."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)


def test_cuda_reads_what_the_cpu_reads(tiny_bundle, paint, monkeypatch):
    crops = [paint(plate) for plate in ("1234", "07", "9")]
    with Recognizer.open(tiny_bundle.path) as recognizer:
        assert "CUDAExecutionProvider" in recognizer.description
        on_cuda = recognizer.read(crops)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with Recognizer.open(tiny_bundle.path) as recognizer:
        assert "CPUExecutionProvider" in recognizer.description
        on_cpu = recognizer.read(crops)
    assert [reading.plate for reading in on_cuda] == [reading.plate for reading in on_cpu] == ["1234", "07", "9"]
    np.testing.assert_allclose([r.confidence for r in on_cuda], [r.confidence for r in on_cpu], rtol=1e-4)
