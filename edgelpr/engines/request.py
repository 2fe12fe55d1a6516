"""What is to be built, and what surrounds the build."""

from __future__ import annotations

from dataclasses import dataclass

from edgelpr.engines.options import BuildOptions
from edgelpr.types import Precision


@dataclass(frozen=True)
class BuildRequest:
    """A graph and how its engine is wanted."""

    graph: bytes
    """The ONNX file; every input is (N, ...), of crops or of tracks."""

    precision: Precision
    """Of the graph."""

    options: BuildOptions
    """What is asked for."""

    where: str
    """The graph's file, for messages."""

    opset: int | None = None
    """Of the graph; None where it is not known."""


@dataclass(frozen=True)
class Surroundings:
    """The machine that builds, as far as a build depends on it."""

    free_bytes: int | None = None
    """Memory that is free on the device; None: TensorRT's own limit, all there is."""

    integrated: bool = False
    """Whether the GPU shares the memory of the processor, as on a Jetson."""

    jetpack: bool = False
    """Whether it is a Jetson."""

    timing_cache: bytes | None = None
    """Of an earlier build on this GPU with this version."""
