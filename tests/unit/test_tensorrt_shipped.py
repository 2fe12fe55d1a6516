"""The shipped network on the stand-ins: built, opened and read with every TensorRT, in every precision, as on a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles.building import backend_of
from doubles.cuda import FakeCuda
from doubles.executing import executing_tensorrt
from doubles.surfaces import VERSIONS
from sample_engines import install, machinery_of

from edgelpr.cli.main import run
from edgelpr.data.labels import read_labels
from edgelpr.runtime.recognizer import Recognizer

pytest.importorskip("onnxruntime")
pytest.importorskip("torch", reason="exporting the shipped weights needs the extra 'export'")

REPOSITORY = Path(__file__).resolve().parents[2]
CAPTURES = REPOSITORY / "weights" / "captures"
WRONG = {"fp32": 0, "fp16": 0, "int8": 1}
"""Plates of the 24 that may read otherwise than in fp32."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nano(tmp_path_factory) -> Path:
    """``hpa-nano-cn`` as it is exported by default, in every precision, with the ranges that are shipped."""
    path = tmp_path_factory.mktemp("shipped") / "nano.elpr"
    record = REPOSITORY / "calibration" / "hpa-nano-cn.json"
    assert run(["export", "hpa-nano-cn", "-o", str(path), "--images", str(CAPTURES / "images")]) == 0
    assert run(["calibrate", str(path), "--reuse", str(record)]) == 0
    return path


@pytest.mark.parametrize("version", VERSIONS[1:])  # TensorRT 8 takes no opset above 17
@pytest.mark.parametrize("precision", WRONG)
def test_captures_read_as_on_the_processor(nano, monkeypatch, version, precision):
    crops = [crop.path for crop in read_labels(CAPTURES / "labels.csv")]
    with Recognizer.open(nano, threads=1) as recognizer:
        expected = [reading.plate for reading in recognizer.read(crops)]
    cuda = FakeCuda()
    install(monkeypatch, machinery_of(executing_tensorrt(version, cuda), cuda))
    with Recognizer.open(nano, backend_of(version), precision, batch_size=8, allow_unapproved=True, build=True) as recognizer:
        found = [reading.plate for reading in recognizer.read(crops)]
    assert sum(one != wanted for one, wanted in zip(found, expected, strict=True)) <= WRONG[precision]
    assert cuda.leaks() == ()
