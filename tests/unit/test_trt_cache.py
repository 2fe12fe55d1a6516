"""The calibration cache for TensorRT: its header, its scales, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_calibration_record import RECORD

from edgelpr.calibration.ranges import Range
from edgelpr.calibration.trt_cache import from_tensorrt_cache, to_tensorrt_cache
from edgelpr.errors import CalibrationError, UsageError


def with_ranges(**ranges):
    return replace(RECORD, ranges=RECORD.ranges | {"int8": ranges})


def test_the_text_is_that_of_the_published_format():
    record = with_ranges(
        **{"input_1:0": Range(0.0, 1.0), "(Unnamed Layer* 4) [Shuffle]": Range(-254.0, 3.0), "z": Range(0.0, 0.0)}
    )
    text = to_tensorrt_cache(record, "10.3.0", "input_1:0").decode()
    # 1/127 is 3c010204 in published caches of networks whose input lies in 0..1; 2 is 40000000.
    assert text == "TRT-100300-EntropyCalibration2\ninput_1:0: 3c010204\n(Unnamed Layer* 4) [Shuffle]: 40000000\nz: 3c010204\n"


@pytest.mark.parametrize(
    ("version", "joined"),
    [("8.6.2", "8602"), ("8.6.1.6", "8601"), ("8.5.10", "8510"), ("10.3.0", "100300"), ("10.14.1.48", "101401")],
)
def test_the_header_has_the_version_as_published_caches_have_it(version, joined):
    assert to_tensorrt_cache(RECORD, version, "input").startswith(f"TRT-{joined}-EntropyCalibration2\n".encode())


@pytest.mark.parametrize("version", ["", "8.6", "10", "ten", "10.3.0rc1", "10.3.0\n", "10.300.0", "v10.3.0"])
def test_what_is_no_version_is_refused(version):
    with pytest.raises(UsageError, match="expected major, minor and patch"):
        to_tensorrt_cache(RECORD, version, "input")


@pytest.mark.parametrize("version", ["11.4.1", "9.2.0", "7.1.3"])
def test_a_version_without_such_caches_is_refused(version):
    with pytest.raises(UsageError, match="versions 8 and 10"):
        to_tensorrt_cache(RECORD, version, "input")


def test_magnitudes_come_back():
    found = from_tensorrt_cache(to_tensorrt_cache(RECORD, "8.6.2", "input"))
    assert list(found) == ["input", "conv", "none"]
    assert found["input"] == pytest.approx(1.0, rel=1e-6)
    assert found["conv"] == pytest.approx(5.5, rel=1e-6)  # of the set for int8, not of that for a CPU
    assert found["none"] > 0


def test_an_input_without_a_range_is_refused():
    with pytest.raises(CalibrationError, match="no range for the input 'crops'.*--no-rewrite decode"):
        to_tensorrt_cache(RECORD, "10.3.0", "crops")


def test_a_record_without_the_file_for_tensorrt_is_refused():
    record = replace(RECORD, methods={"int8-cpu": "min-max"}, ranges={"int8-cpu": {}})
    with pytest.raises(CalibrationError, match="no ranges for 'int8'"):
        to_tensorrt_cache(record, "10.3.0", "input")


@pytest.mark.parametrize("name", ["", "two\nlines", "a: b", "tab\t", "\u2028"])
def test_a_name_that_a_line_cannot_hold_is_refused(name):
    with pytest.raises(CalibrationError, match="cannot hold that name"):
        to_tensorrt_cache(with_ranges(**{"input": Range(0.0, 1.0), name: Range(0.0, 1.0)}), "10.3.0", "input")


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"TRT-8602-EntropyCalibration2\ninput 3c010204", b"input: 3c010204\n"])
def test_what_is_no_cache_is_refused(content):
    with pytest.raises(CalibrationError, match="not a TensorRT calibration cache"):
        from_tensorrt_cache(content)
