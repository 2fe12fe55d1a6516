"""The record's ranges as a TensorRT calibration cache, for the deep-learning accelerator (DLA) on TensorRT 8.6 and 10.

What is known about the format, from public sources; no TensorRT was at hand, so that it accepts these files is unverified:

- NVIDIA, README of TensorRT's sample ``sampleINT8``: a first line of version and algorithm, then a line a tensor with its
  scale, the largest magnitude divided by 127. The cache is used where version and algorithm match.
- ONNX Runtime, TensorRT execution provider: the scale is an IEEE 754 single in hexadecimal, the most significant byte first.
- Caches that others published: ``TRT-8601-`` of 8.6.1, ``TRT-8510-`` of 8.5.10, ``TRT-100300-`` of 10.3.0, ``TRT-101401-`` of
  10.14.1, all ``EntropyCalibration2``. That is ``NV_TENSORRT_VERSION`` of NvInfer.h: the major version times a thousand in
  version 8 and ten thousand in version 10, plus a hundred times the minor one, plus the patch. Names hold colons and spaces.
- DLA and ``trtexec --calib`` use the algorithm ``EntropyCalibration2``; it says who reads the cache, not how ranges were
  chosen.
- TensorRT 10 answers another header with "Calibration table does not match calibrator algorithm type", and then wants images.
"""

from __future__ import annotations

import re
import struct

from edgelpr.calibration.ranges import Range
from edgelpr.calibration.record import CalibrationRecord
from edgelpr.errors import CalibrationError, UsageError

_LEVELS = 127
_ALWAYS_ZERO = (
    1.0  # a magnitude for a tensor that is always zero: TensorRT refuses a scale of 0, and any other keeps zero exact
)


def to_tensorrt_cache(record: CalibrationRecord, trt_version: str, input_name: str) -> bytes:
    """The text of a calibration cache, with the ranges of the file ``int8``.

    Args:
        record: of the graph that TensorRT will parse, so that names agree.
        trt_version: version of the TensorRT that will read it, at least three parts, for example ``10.3.0``.
        input_name: name of the graph's input, which needs a range as well. DLA takes float input, so that is a graph without
            the rewrite ``decode``; an input of bytes has no range.

    Raises:
        UsageError: not a version, or one without calibration caches.
        CalibrationError: no ranges for ``int8`` or for the input, or a name that the format cannot hold.
    """
    header = f"TRT-{_joined(trt_version)}-EntropyCalibration2"
    ranges = record.ranges.get("int8")
    if ranges is None:
        raise CalibrationError(
            "the calibration record has no ranges for 'int8', the file for TensorRT; run 'edgelpr calibrate' again with it"
        )
    if input_name not in ranges:
        raise CalibrationError(
            f"the calibration record has no range for the input '{input_name}': a graph that takes bytes has none, and DLA "
            "takes float input only; export the checkpoint with '--no-rewrite decode' and calibrate that bundle"
        )
    return "\n".join([header, *(_line(name, found) for name, found in ranges.items()), ""]).encode("utf-8")


def check_version(trt_version: str) -> None:
    """Check that a TensorRT reads calibration caches.

    Raises:
        UsageError: not a version, or one without calibration caches.
    """
    _joined(trt_version)


def from_tensorrt_cache(content: bytes) -> dict[str, float]:
    """The largest magnitude by tensor, as float32 holds it.

    Raises:
        CalibrationError: not a calibration cache.
    """
    header, *lines = content.decode("utf-8", "replace").splitlines() or [""]
    found = [re.fullmatch(r"(.+): ([0-9a-f]{8})", line) for line in lines]
    if not re.fullmatch(r"TRT-\d+-\w+", header) or not all(found):
        raise CalibrationError("not a TensorRT calibration cache: expected a line 'TRT-...', then lines 'NAME: 8 digits'")
    return {match[1]: struct.unpack(">f", bytes.fromhex(match[2]))[0] * _LEVELS for match in found if match}


def _joined(version: str) -> str:
    """Version as the header has it: 8602 of 8.6.2, 100300 of 10.3.0."""
    match = re.fullmatch(r"(\d+)\.(\d{1,2})\.(\d{1,2})(\.\d+)*", version)
    if match is None:
        raise UsageError(f"TensorRT version '{version}': expected major, minor and patch, for example 8.6.2 or 10.3.0")
    major, minor, patch = (int(part) for part in match.groups()[:3])
    if major not in (8, 10):
        raise UsageError(
            f"TensorRT {version}: calibration caches are written for versions 8 and 10; version 11 has no calibrators, so "
            "build from the bundle's int8.onnx, which holds its ranges"
        )
    return str(major * (1000 if major == 8 else 10000) + minor * 100 + patch)


def _line(name: str, found: Range) -> str:
    if not name or not name.isprintable() or ": " in name:
        raise CalibrationError(
            f"tensor {name!r}: a calibration cache cannot hold that name; rename the tensor in the ONNX file, without line "
            "breaks and without ': '"
        )
    return f"{name}: {struct.pack('>f', (found.magnitude or _ALWAYS_ZERO) / _LEVELS).hex()}"
