"""What tests of engines share."""

from __future__ import annotations

import pytest

from edgelpr.cuda.probing import probe
from edgelpr.engines.modules import installed_backends, load_tensorrt


@pytest.fixture(scope="module", params=["tensorrt", "tensorrt-rtx"])
def backend(request) -> str:
    """Each that can run here."""
    answer = probe()
    if answer.problem is not None:
        pytest.skip(answer.problem)
    if request.param not in installed_backends():
        pytest.skip(f"{request.param} is not installed")
    capabilities = getattr(load_tensorrt(request.param), "ComputeCapability", None)
    name = answer.devices[0].sm.upper()
    if request.param == "tensorrt-rtx" and not hasattr(capabilities, name):
        pytest.skip(f"TensorRT-RTX has no engines for {answer.devices[0].name} ({name})")
    return request.param
