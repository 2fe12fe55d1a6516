"""Running batches through TensorRT; all of it is shared, see ``edgelpr/runtime/executing``."""

from __future__ import annotations

from edgelpr.runtime.executing.runner import EngineRunner
from edgelpr.types import EngineBackend


class TensorRtRunner(EngineRunner):
    """An engine of TensorRT; safe to use from several threads."""

    name: EngineBackend = "tensorrt"
