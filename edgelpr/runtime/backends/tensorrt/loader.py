"""A bundle's engine for TensorRT, checked against its record and loaded."""

from __future__ import annotations

from edgelpr.bundle.bundle import Bundle
from edgelpr.runtime.backends.tensorrt.runner import TensorRtRunner
from edgelpr.runtime.executing.opening import open_runner
from edgelpr.runtime.executing.use import EngineUse
from edgelpr.types import Precision


def load(bundle: Bundle, precision: Precision, use: EngineUse) -> TensorRtRunner:
    """Open the engine of a precision on a GPU; see ``open_runner``, which also lists what is raised.

    Args:
        bundle: an opened bundle.
        precision: which engine.
        use: which GPU, and whether an engine is built where none fits.
    """
    return open_runner(TensorRtRunner, bundle, precision, use)
