"""Running batches through TensorRT-RTX; all of it is shared, see ``edgelpr/runtime/executing``."""

from __future__ import annotations

from edgelpr.runtime.executing.runner import EngineRunner
from edgelpr.types import EngineBackend


class TensorRtRtxRunner(EngineRunner):
    """An engine of TensorRT-RTX; safe to use from several threads."""

    name: EngineBackend = "tensorrt-rtx"
