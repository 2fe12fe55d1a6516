"""The plan of the TensorRT stand-in: what it was built from and with what, so that ONNX Runtime can do its work.

``FAKEPLAN``, the facts as one line of JSON, then the ONNX file. Like a real plan it cannot be read when it is cut short.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

MAGIC = b"FAKEPLAN"

DEFAULTS: dict[str, Any] = {
    "version": "10.3.0",
    "backend": "tensorrt",
    "gpu": "Orin (nvgpu)",
    "compute_capability": "sm87",
    "profile": {},
    "flags": ["REQUIRE_USER_ALLOCATION"],
    "previews": ["PROFILE_SHARING_0806"],
    "version_compatible": False,
}
"""``version`` and ``gpu`` of the TensorRT and the device that it was built with; ``profile``: {input: [smallest, usual, largest
shape]}; ``flags``: names of the builder flags that were set, ``previews``: of the preview features."""


def make_fake_plan(onnx: bytes, **facts: Any) -> bytes:
    """A plan for an ONNX file.

    Args:
        onnx: the file's bytes.
        facts: more than ``DEFAULTS``, or other values than these; all as JSON holds them.
    """
    whole = DEFAULTS | facts | {"onnx_sha256": hashlib.sha256(onnx).hexdigest()}
    return MAGIC + json.dumps(whole, sort_keys=True).encode() + b"\n" + onnx


def open_fake_plan(plan: bytes) -> tuple[dict[str, Any], bytes]:
    """The facts and the ONNX file of a plan.

    Raises:
        ValueError: not a plan, or cut short; a runtime of TensorRT then logs an error and returns None.
    """
    head, newline, onnx = bytes(plan).partition(b"\n")
    if not head.startswith(MAGIC) or not newline:
        raise ValueError("not a plan")
    facts: dict[str, Any] = json.loads(head[len(MAGIC) :])
    if hashlib.sha256(onnx).hexdigest() != facts["onnx_sha256"]:
        raise ValueError("a plan cut short")
    return facts, onnx
